import { inner, text, type Item } from "./multistatus";
import { content } from "./xml";

/** Resource is a file or folder as the server lists it. */
export interface Resource {
  id: string; // oc:fileid
  parentId: string;
  driveId: string;
  name: string;
  path: string; // within the space, "/" for its root
  folder: boolean;
  size: number; // bytes; of a folder, those of all that is in it
  modified: number; // ms since 1970
  mime: string;
  etag: string;
  permissions: string; // letters of oc:permissions (spec/storage.md)
  favourite: boolean;
  tags: string[];
  shareTypes: number[]; // 0 user, 1 group, 3 link, 6 remote
  locked: string; // by whom; "" if nobody
  hasPreview: boolean;
  processing: boolean;
  privateLink: string;
  downloadUrl: string;
}

const names = [
  "oc:fileid", "oc:file-parent", "oc:name", "oc:permissions", "oc:favorite", "oc:size", "oc:tags", "oc:share-types", "oc:has-preview", "oc:privatelink",
  "d:getcontentlength", "d:getlastmodified", "d:getetag", "d:getcontenttype", "d:resourcetype", "d:lockdiscovery",
];

/** properties is what we ask for of files, as XML; `more` are further names with prefix. */
export const properties = (...more: string[]): string => `<d:prop>${[...names, ...more].map((n) => `<${n}/>`).join("")}</d:prop>`;

/** resource makes a Resource of an item. `base` is the decoded address of the space's root, without a slash at its end. */
export function resource(item: Item, driveId: string, base: string): Resource {
  const href = decode(item.href).replace(/\/+$/, "");
  const path = href.startsWith(base) ? href.slice(base.length) || "/" : "/" + (href.split("/").pop() ?? "");
  const folder = !!inner(item.props.get("resourcetype"), "collection");
  const name = text(item, "name") || (path.split("/").pop() ?? "");
  const modified = Date.parse(text(item, "getlastmodified"));
  return {
    id: text(item, "fileid"),
    parentId: text(item, "file-parent"),
    driveId,
    name: path === "/" ? name : (path.split("/").pop() ?? name),
    path,
    folder,
    size: Number(text(item, folder ? "size" : "getcontentlength") || text(item, "size")) || 0,
    modified: Number.isNaN(modified) ? 0 : modified,
    mime: text(item, "getcontenttype"),
    etag: text(item, "getetag"),
    permissions: text(item, "permissions"),
    favourite: text(item, "favorite") === "1",
    tags: text(item, "tags").split(",").map((t) => t.trim()).filter(Boolean),
    shareTypes: (item.props.get("share-types")?.children ?? []).map((e) => Number(e.text)),
    locked: owner(item),
    hasPreview: text(item, "has-preview") === "1",
    processing: item.processing,
    privateLink: text(item, "privatelink"),
    downloadUrl: text(item, "downloadURL"),
  };
}

function owner(item: Item): string {
  const lock = inner(item.props.get("lockdiscovery"), "activelock");
  return lock ? content(inner(lock, "owner")).trim() || "?" : "";
}

function decode(s: string): string {
  const path = s.replace(/^https?:\/\/[^/]*/, "");
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
