// What links there are, and what the server asks of them.
import type { Capabilities } from "@/api/capabilities";
import type { LinkType, Permission } from "@/api/sharing";
import type { Texts } from "@/app/registry";

/** types are the kinds of links that an item can have. */
export const types = (folder: boolean): LinkType[] => (folder ? ["view", "upload", "edit", "createOnly", "internal"] : ["view", "edit", "internal"]);

/** typeLabel says what a link lets people do. */
export function typeLabel(type: LinkType | undefined, { $gettext }: Texts): string {
  switch (type) {
    case "view":
      return $gettext("View and download");
    case "upload":
      return $gettext("View and add");
    case "edit":
      return $gettext("Change everything");
    case "createOnly":
      return $gettext("Only drop files, see nothing");
    case "internal":
      return $gettext("Only people who have access");
    default:
      return $gettext("Other rights");
  }
}

/** mustHave tells whether a link needs a password. `exempt` is who may leave it off links that only show. */
export function mustHave(type: LinkType, c: Capabilities | undefined, exempt = false): boolean {
  const names: Record<LinkType, string> = { internal: "", view: "read_only", upload: "read_write", edit: "read_write_delete", createOnly: "upload_only" };
  return !!c?.files_sharing?.public?.password?.enforced_for?.[names[type]] && !(exempt && type === "view");
}

/** usual is the kind that a new link has. */
export const usual = (c: Capabilities | undefined): LinkType => (c?.files_sharing?.public?.default_permissions === 0 ? "internal" : "view");

/** quick finds the link that "copy quick link" gives. */
export const quick = (links: readonly Permission[]): Permission | undefined => links.find((l) => l.link?.["@libre.graph.quickLink"]);

/** endOf makes a time of a day: its last second where the person is. "" is no time. */
export const endOf = (day: string): string | undefined => (day ? new Date(`${day}T23:59:59`).toISOString() : undefined);

/** dayOf is the day of a time, as fields for days want it. */
export function dayOf(time: string | undefined): string {
  if (!time) return "";
  const t = new Date(time);
  const two = (n: number) => `${n}`.padStart(2, "0");
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
}

/** today is the first day that may be chosen. */
export const today = (): string => dayOf(new Date().toISOString());
