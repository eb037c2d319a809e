// Addresses of files. (spec/services.md §19)
import type { RouteLocationNormalizedLoaded } from "vue-router";
import { encode } from "@/api/path";
import type { Drive } from "@/api/graph";
import type { Resource } from "@/api/resource";
import type { Texts } from "@/app/registry";

/** folderUrl is the page of a folder: /files/spaces/personal/mary/Documents?fileId=… */
export function folderUrl(drive: Drive, path: string, fileId?: string): string {
  const query = new URLSearchParams();
  const shared = drive.driveType === "mountpoint";
  if (shared && drive.root?.remoteItem) query.set("shareId", drive.root.remoteItem.id);
  if (fileId && path !== "/") query.set("fileId", fileId);
  const place = shared ? "share/" + encodeURIComponent(drive.name) : encode(drive.driveAlias);
  const q = query.toString();
  return `/files/spaces/${place}${path === "/" ? "" : encode(path)}${q ? "?" + q : ""}`;
}

/** driveName is what people call a drive. */
export const driveName = (drive: Drive, { $gettext }: Texts): string => (drive.driveType === "personal" ? $gettext("Personal") : drive.name);

/** panelUrl is the page of a folder with a part of its sidebar. */
export function panelUrl(drive: Drive, path: string, panel: string): string {
  const url = folderUrl(drive, path);
  return `${url}${url.includes("?") ? "&" : "?"}details=${panel}`;
}

/** driveOf finds the space that an address is in. */
export function driveOf(drives: readonly Drive[], route: Pick<RouteLocationNormalizedLoaded, "params" | "query">): Drive | undefined {
  const { type, alias } = route.params as { type: string; alias: string };
  if (type !== "share") return drives.find((d) => d.driveAlias === `${type}/${alias}`);
  const mounts = drives.filter((d) => d.driveType === "mountpoint");
  const id = route.query.shareId;
  return mounts.find((d) => d.root?.remoteItem?.id === id || d.id === id) ?? mounts.find((d) => d.name === alias);
}

/** pathOf is the path within the space. */
export function pathOf(route: Pick<RouteLocationNormalizedLoaded, "params">): string {
  const rest = route.params.path;
  const names = (Array.isArray(rest) ? rest : [rest ?? ""]).filter(Boolean);
  return "/" + names.join("/");
}

/** driveOfItem finds the space that an id belongs to, as the person sees it: their own, a member's, or by a share. */
export function driveOfItem(drives: readonly Drive[], fileId: string): Drive | undefined {
  const [spaceId] = fileId.split("!");
  return drives.find((d) => d.id === spaceId && d.driveType !== "mountpoint") ?? drives.find((d) => d.driveType === "mountpoint" && d.root?.remoteItem?.id === fileId);
}

/** place is where a resource is. */
export const place = (r: Resource) => ({ driveId: r.driveId, path: r.path });
