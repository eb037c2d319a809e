import type { Http, Init } from "./http";
import { parse, text } from "./multistatus";
import { base, encode, join } from "./path";
import { properties, resource, type Resource } from "./resource";

/** Trashed is something in the trash. */
export interface Trashed {
  key: string; // its name in the trash
  driveId: string;
  name: string;
  path: string; // where it was
  folder: boolean;
  size: number;
  deleted: number; // ms since 1970
}

/** Place is something in a space, by path. */
export interface Place {
  driveId: string;
  path: string;
}

const spaces = "/dav/spaces/";
const trash = "/dav/spaces/trash-bin/";
const xml = { "Content-Type": "application/xml; charset=utf-8" };

const propfind = (prop: string) => `<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">${prop}</d:propfind>`;

/** Dav speaks WebDAV: files by space and path. (RFC 4918, spec/services.md §16.3) */
export class Dav {
  constructor(private readonly http: Http) {}

  /** url is the address of a place, below the server's own. */
  url(at: Place): string {
    return spaces + encodeURIComponent(at.driveId) + (at.path === "/" ? "" : encode(at.path));
  }

  /** list returns a folder and what is in it. 404 if it is not there or not to be seen. */
  async list(at: Place, signal?: AbortSignal): Promise<{ folder: Resource; children: Resource[] }> {
    const [folder, ...children] = await this.propfind(at, "1", signal);
    if (!folder) throw new Error("empty multistatus");
    return { folder, children };
  }

  /** stat returns one file or folder; `more` are further properties to ask for, as "oc:downloadURL". */
  async stat(at: Place, ...more: string[]): Promise<Resource> {
    const [it] = await this.propfind(at, "0", undefined, ...more);
    if (!it) throw new Error("empty multistatus");
    return it;
  }

  /** locate finds where an id is: the path within its space. */
  async locate(fileId: string): Promise<string> {
    const body = propfind("<d:prop><oc:meta-path-for-user/></d:prop>");
    const r = await this.http.send("PROPFIND", `/dav/meta/${encodeURIComponent(fileId)}`, { headers: { ...xml, Depth: "0" }, body });
    const [item] = parse(await r.text());
    return (item && text(item, "meta-path-for-user")) || "/";
  }

  /** mkcol makes a folder. 405 if the name is taken. */
  async mkcol(at: Place): Promise<void> {
    await this.http.send("MKCOL", this.url(at));
  }

  /** put writes a file. With `etag` only over that version, with `create` only if there is none: 412 otherwise. */
  async put(at: Place, body: BodyInit, when: { etag?: string; create?: boolean; mime?: string } = {}): Promise<{ etag: string; id: string }> {
    const headers: Record<string, string> = { "Content-Type": when.mime ?? "application/octet-stream" };
    if (when.etag) headers["If-Match"] = when.etag;
    if (when.create) headers["If-None-Match"] = "*";
    const r = await this.http.send("PUT", this.url(at), { headers, body });
    return { etag: r.headers.get("ETag") ?? "", id: r.headers.get("OC-FileId") ?? "" };
  }

  /** get reads a file. */
  get(at: Place, init: Init = {}): Promise<Response> {
    return this.http.send("GET", this.url(at), init);
  }

  /** move moves or renames. 412 if the target is there and `overwrite` is not set. */
  async move(from: Place, to: Place, overwrite = false): Promise<void> {
    await this.http.send("MOVE", this.url(from), { headers: this.destination(to, overwrite) });
  }

  /** copy copies, folders with all that is in them. 412 as for move. */
  async copy(from: Place, to: Place, overwrite = false): Promise<void> {
    await this.http.send("COPY", this.url(from), { headers: this.destination(to, overwrite) });
  }

  /** remove puts something into the trash. 423 if it is locked, 425 if it is being processed. */
  async remove(at: Place): Promise<void> {
    await this.http.send("DELETE", this.url(at));
  }

  /** favour marks something as favourite, or no longer. (PROPPATCH of oc:favorite) */
  async favour(at: Place, on: boolean): Promise<void> {
    const body = `<?xml version="1.0"?><d:propertyupdate xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:set><d:prop><oc:favorite>${on ? 1 : 0}</oc:favorite></d:prop></d:set></d:propertyupdate>`;
    await this.http.send("PROPPATCH", this.url(at), { headers: xml, body });
  }

  /** favourites lists a space's favourites. (REPORT oc:filter-files) */
  async favourites(driveId: string, signal?: AbortSignal): Promise<Resource[]> {
    const body = `<?xml version="1.0"?><oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">${properties()}<oc:filter-rules><oc:favorite>1</oc:favorite></oc:filter-rules></oc:filter-files>`;
    const r = await this.http.send("REPORT", this.url({ driveId, path: "/" }), { headers: xml, body, ...(signal ? { signal } : {}) });
    return parse(await r.text()).map((i) => resource(i, driveId, spaces + driveId));
  }

  /** trashed lists a space's trash, newest first. */
  async trashed(driveId: string, signal?: AbortSignal): Promise<Trashed[]> {
    const names = ["oc:trashbin-original-filename", "oc:trashbin-original-location", "oc:trashbin-delete-datetime", "d:getcontentlength", "d:resourcetype"];
    const body = propfind(`<d:prop>${names.map((n) => `<${n}/>`).join("")}</d:prop>`);
    const r = await this.http.send("PROPFIND", trash + encodeURIComponent(driveId), { headers: { ...xml, Depth: "1" }, body, ...(signal ? { signal } : {}) });
    return parse(await r.text())
      .slice(1)
      .map((i) => ({
        key: decodeURIComponent(base(i.href.replace(/\/+$/, ""))),
        driveId,
        name: text(i, "trashbin-original-filename"),
        path: "/" + text(i, "trashbin-original-location").replace(/^\/+/, ""),
        folder: !!i.props.get("resourcetype")?.children.length,
        size: Number(text(i, "getcontentlength")) || 0,
        deleted: Date.parse(text(i, "trashbin-delete-datetime")) || 0,
      }))
      .sort((a, b) => b.deleted - a.deleted);
  }

  /** restore takes something out of the trash to a path. 412 if that is taken, 409 if its folder is gone. */
  async restore(driveId: string, key: string, path: string, overwrite = false): Promise<void> {
    await this.http.send("MOVE", trash + encodeURIComponent(driveId) + "/" + encode(key), { headers: this.destination({ driveId, path }, overwrite) });
  }

  /** purge deletes for good: one thing in the trash, or without `key` all of it. */
  async purge(driveId: string, key?: string): Promise<void> {
    await this.http.send("DELETE", trash + encodeURIComponent(driveId) + (key === undefined ? "" : "/" + encode(key)));
  }

  private destination(to: Place, overwrite: boolean): Record<string, string> {
    return { Destination: this.http.base + this.url(to), Overwrite: overwrite ? "T" : "F" };
  }

  private async propfind(at: Place, depth: string, signal?: AbortSignal, ...more: string[]): Promise<Resource[]> {
    const r = await this.http.send("PROPFIND", this.url(at), { headers: { ...xml, Depth: depth }, body: propfind(properties(...more)), ...(signal ? { signal } : {}) });
    const root = spaces + at.driveId;
    return parse(await r.text()).map((i) => resource(i, at.driveId, root));
  }
}

/** child is the place of a name within a folder. */
export const child = (folder: Place, name: string): Place => ({ driveId: folder.driveId, path: join(folder.path, name) });
