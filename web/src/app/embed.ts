// The client in the frame of another page, as the place where something is chosen. What is chosen is told to that page, and only if it is
// of the origin that the operator has named, or of our own. (spec/services.md §18.4)
import { Dav, type Place } from "@/api/dav";
import type { Http } from "@/api/http";
import type { Resource } from "@/api/resource";
import type { App } from "./app";
import type { Config } from "./config";

/** Target is what is chosen: files and folders, one folder, or one file. */
export type Target = "resources" | "location" | "file";

const prefix = "opencloud-embed:";

/** Embed is how the page around wants it. */
export interface Embed {
  target: Target;
  label: string; // of the button; "" for ours
  fileName: string | undefined; // a name is asked for too, beginning with this one
  types: string[]; // of files: extensions and media types; none: all
  hideLogo: boolean;
  signsIn: string; // the origin of the page that signs people in; "" for us
  query: Record<string, string>; // what of it stands in the address
  /** tell sends a message to the page around. Browsers drop it if that page is of another origin. */
  tell: (name: string, data?: unknown) => void;
}

/** readEmbed tells what the page around wants, by the configuration and the address, or undefined where there is none. */
export function readEmbed(config: Config, search: string, around: Pick<Window, "postMessage"> | undefined = parent === window ? undefined : parent, origin = location.origin): Embed | undefined {
  const set = config.options.embed ?? {};
  const params = new URLSearchParams(search);
  if (!around || (params.get("embed") ?? `${!!set.enabled}`) !== "true") return undefined;
  const target = params.get("embed-target") ?? set.target ?? "";
  const to = set.messagesOrigin || origin;
  const signer = set.delegateAuthenticationOrigin || set.messagesOrigin || "";
  // An address names no origin of its own: it could be anybody's.
  const asked = (params.get("embed-delegate-authentication") ?? `${!!set.delegateAuthentication}`) === "true" && (params.get("embed-delegate-authentication-origin") ?? signer) === signer;
  return {
    target: target === "location" || target === "file" ? target : "resources",
    label: params.get("embed-submit-button-title") ?? "",
    fileName: params.get("embed-choose-file-name") === "true" ? (params.get("embed-choose-file-name-suggestion") ?? "") : undefined,
    types: (params.get("embed-file-types") ?? "").split(",").map((t) => t.trim().toLowerCase().replace(/^\./, "")).filter(Boolean),
    hideLogo: params.get("hide-logo") === "true" || !!config.options.hideLogo,
    signsIn: asked ? signer : "",
    query: Object.fromEntries([...params].filter(([name]) => name.startsWith("embed") || name === "hide-logo")),
    tell: (name, data = null) => around.postMessage({ name: prefix + name, data }, name === "request-token" ? signer : to),
  };
}

/** shows tells whether something can be chosen, or leads to what can. */
export function shows(e: Pick<Embed, "target" | "types">, r: Pick<Resource, "folder" | "name" | "mime">): boolean {
  if (r.folder) return true;
  if (e.target === "location") return false;
  const name = r.name.toLowerCase();
  return !e.types.length || e.types.some((t) => (t.includes("/") ? t === r.mime || (t.endsWith("/*") && r.mime.startsWith(t.slice(0, -1))) : name.endsWith(`.${t}`)));
}

// Shelf lists only what can be chosen, and nothing in it is changed but that there may be new folders.
class Shelf extends Dav {
  constructor(
    http: Http,
    private readonly embed: Embed,
  ) {
    super(http);
  }

  override async list(at: Place, signal?: AbortSignal): Promise<{ folder: Resource; children: Resource[] }> {
    const { folder, children } = await super.list(at, signal);
    return { folder, children: this.still(children) };
  }

  override async favourites(driveId: string, signal?: AbortSignal): Promise<Resource[]> {
    return this.still(await super.favourites(driveId, signal));
  }

  private still(list: Resource[]): Resource[] {
    return list.filter((r) => shows(this.embed, r)).map((r) => ({ ...r, permissions: r.permissions.replace(/[DNVW]/g, "") }));
  }
}

/** embedded makes of the application one in which something is chosen. */
export function embedded(app: App, embed: Embed): void {
  const { registry: all } = app;
  app.embed = embed;
  app.dav = new Shelf(app.http, embed);
  app.registry = {
    ...all,
    nav: all.nav.filter((n) => n.id !== "trash"),
    actions: all.actions.filter((a) => a.id === "open" || a.embed),
    create: all.create.filter((c) => c.id === "folder"),
    panels: all.panels.filter((p) => p.id === "details"),
    openers: [], headers: [], account: [], overlays: [], receive: [],
  };
  // What the page around wants stays in the address, over a reload too.
  app.router.beforeEach((to) => Object.keys(embed.query).every((name) => name in to.query) || { path: to.path, query: { ...embed.query, ...to.query }, hash: to.hash });
}

/** outward is what is told of a file or folder. */
export const outward = (r: Resource) => ({
  id: r.id, fileId: r.id, parentFolderId: r.parentId, storageId: r.driveId, spaceId: r.driveId, name: r.name, path: r.path, webDavPath: `/spaces/${r.driveId}${r.path === "/" ? "" : r.path}`,
  type: r.folder ? "folder" : "file", isFolder: r.folder, mimeType: r.mime, size: r.size, mdate: new Date(r.modified).toUTCString(), etag: r.etag, privateLink: r.privateLink,
});
