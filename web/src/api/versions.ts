import type { Place } from "./dav";
import type { Http } from "./http";
import { parse, text } from "./multistatus";
import { base, encode } from "./path";

/** Version is what a file was before. */
export interface Version {
  key: string;
  modified: number;
  size: number;
  author: string;
}

const meta = (fileId: string, key?: string) => `/dav/meta/${encodeURIComponent(fileId)}/v${key === undefined ? "" : "/" + encodeURIComponent(key)}`;

/** Versions are the older states of files. (spec/services.md §16.3) */
export class Versions {
  constructor(private readonly http: Http) {}

  /** list returns the older versions, newest first. 403 without the right to see them. */
  async list(fileId: string): Promise<Version[]> {
    const body = `<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><d:getcontentlength/><d:getlastmodified/><oc:meta-version-edited-by-name/></d:prop></d:propfind>`;
    const r = await this.http.send("PROPFIND", meta(fileId), { headers: { "Content-Type": "application/xml; charset=utf-8", Depth: "1" }, body });
    return parse(await r.text())
      .slice(1) // the file itself
      .map((i) => ({ key: decodeURIComponent(base(i.href)), modified: Date.parse(text(i, "getlastmodified")) || 0, size: Number(text(i, "getcontentlength")) || 0, author: text(i, "meta-version-edited-by-name") }))
      .sort((a, b) => b.modified - a.modified);
  }

  /** url is where a version can be read. */
  url(fileId: string, key: string): string {
    return meta(fileId, key);
  }

  /** restore makes an older version the current one; the current one becomes a version. */
  async restore(fileId: string, key: string, to: Place): Promise<void> {
    await this.http.send("COPY", meta(fileId, key), { headers: { Destination: `${this.http.base}/dav/files/spaces/${encodeURIComponent(to.driveId)}${encode(to.path)}` } });
  }
}
