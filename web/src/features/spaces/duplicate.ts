// A space once more: its files, picture, readme and description, but not its members.
import { can, type App } from "@/app/app";
import { attempt } from "@/app/attempt";
import { child, type Place } from "@/api/dav";
import type { Drive } from "@/api/graph";
import { free } from "@/api/path";
import type { Resource } from "@/api/resource";
import { Spaces, special } from "@/api/spaces";
import { folderUrl, place } from "@/features/files/location";
import { pool } from "@/features/files/operations";
import { address } from "./files";

/** duplicate makes a space with what is in another, and shows how far it is. When the person stops it, what was made is removed. */
export async function duplicate(app: App, drive: Drive, after: () => Promise<void>): Promise<void> {
  const { $gettext, $ngettext } = app.language;
  const spaces = new Spaces(app.http);
  const name = free(drive.name, new Set((app.drives.value ?? []).filter((d) => d.driveType === "project").map((d) => d.name)), true);
  const stop = new AbortController();
  const work = app.toasts.work($gettext("Duplicating “%{name}”", { name: drive.name }), { label: $gettext("Stop"), run: () => stop.abort() });
  await attempt(app, $gettext("“%{name}” could not be duplicated.", { name: drive.name }), async () => {
    const total = can(app, "Drives.ReadWriteProjectQuota.all") ? drive.quota?.total : undefined;
    const made = await spaces.create(name, { ...(drive.description ? { description: drive.description } : {}), ...(total === undefined ? {} : { total }) }, false);
    const root = { driveId: made.id, path: "/" };
    const parts = await split(app, { driveId: drive.id, path: "/" }, root, (drive.quota?.used ?? 0) / 20);
    const weight = (p: Part) => p.item.size + 1e5; // of small files, their number counts
    const all = parts.reduce((n, p) => n + weight(p), 0);
    let copied = 0;
    const failed = await pool(parts, async (p) => {
      if (stop.signal.aborted) return;
      await app.dav.copy(place(p.item), p.to);
      copied += weight(p);
      work.at(copied / all);
    });
    if (stop.signal.aborted) {
      await spaces.disable(made.id);
      await spaces.remove(made.id);
      return;
    }
    if (failed[0]) app.toasts.error($ngettext("%{n} item could not be copied.", "%{n} items could not be copied.", failed.length, { n: `${failed.length}` }), failed[0].error);
    const specials = await Promise.all((["image", "readme"] as const).map((of) => counterpart(app, drive, made, of)));
    const found = specials.flatMap((s) => s ?? []);
    if (found.length) await spaces.change(made.id, { special: found });
    app.toasts.info($gettext("The space “%{name}” was created.", { name }), { label: $gettext("Open"), run: () => void app.router.push(folderUrl(made, "/")) });
  });
  work.end();
  await after();
}

interface Part {
  item: Resource;
  to: Place;
}

// split finds what to copy at once. Large folders are made, and filled part by part, so that there is progress to see.
async function split(app: App, from: Place, to: Place, large: number): Promise<Part[]> {
  const parts: Part[] = [];
  for (const item of (await app.dav.list(from)).children) {
    const at = child(to, item.name);
    if (item.folder && item.size > large) {
      await app.dav.mkcol(at);
      parts.push(...(await split(app, place(item), at, large)));
    } else parts.push({ item, to: at });
  }
  return parts;
}

// counterpart is the copy of a space's picture or readme.
async function counterpart(app: App, from: Drive, to: Drive, name: "image" | "readme") {
  const url = special(from, name) && address(from, name);
  const root = app.dav.url({ driveId: from.id, path: "/" });
  const path = url && pathBelow(url, root);
  if (!path) return undefined;
  const copy = await app.dav.stat({ driveId: to.id, path }).catch(() => undefined); // that it was not copied was said
  return copy && { id: copy.id, specialFolder: { name } };
}

/** pathBelow is the path of an address below that of a space, or undefined if it is elsewhere. */
export function pathBelow(url: string, root: string): string | undefined {
  const [path, above] = [decodeURIComponent(url), decodeURIComponent(root)];
  return path.startsWith(above + "/") ? path.slice(above.length) : undefined;
}
