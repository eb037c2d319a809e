// Public links: what is shared with whoever has the address, and the password if there is one. (spec/storage.md §7.17, §10.3)
import { Dav, type Place } from "./dav";
import { ApiError, Http, is } from "./http";
import { inner, parse, text, type Item } from "./multistatus";
import { encode } from "./path";
import { properties, resource, type Resource } from "./resource";
import type { Signer } from "./sign";

const root = "/dav/public-files/";

/** LinkInfo is what a link says about itself. */
export interface LinkInfo {
  folder: Resource; // what it opens; for a file, a folder that holds only that
  rights: number; // as in OCS: 1 see, 2 change, 4 create, 8 delete
  file: boolean;
  owner: string;
  expires: number; // ms since 1970, 0 is never
}

/** Closed is why a link does not open. */
export type Closed = "password" | "wrong" | "wait" | "account" | "gone";

/** closed tells why an error keeps a link closed, or undefined if it is something else. */
export function closed(e: unknown): Closed | undefined {
  if (is(e, 404, 410)) return "gone";
  if (is(e, 429)) return "wait"; // somebody guessed passwords
  if (!is(e, 401)) return undefined;
  return e.code === "ERR_MISSING_BEARER_AUTH" ? "account" : e.code === "ERR_MISSING_BASIC_AUTH" ? "password" : "wrong";
}

/** LinkHttp sends requests as whoever has the link and its password; never as the person who may be signed in. */
export class LinkHttp extends Http {
  password = "";

  constructor(
    base: string,
    private readonly token: string,
  ) {
    super(base, { renew: () => Promise.resolve(false), lost: () => undefined });
  }

  override headers(): Record<string, string> {
    const h = { ...super.headers(), "public-token": this.token };
    return this.password ? { ...h, Authorization: `Basic ${base64(`public:${this.password}`)}` } : h;
  }
}

/** LinkDav speaks WebDAV below a link; its token stands for the space's id. */
export class LinkDav extends Dav {
  info?: LinkInfo;

  constructor(private readonly visitor: LinkHttp) {
    super(visitor);
  }

  /** drop tells that files can be put there and not be seen. */
  get drop(): boolean {
    return this.info !== undefined && (this.info.rights & 5) === 4;
  }

  override url(at: Place): string {
    return root + encodeURIComponent(at.driveId) + (at.path === "/" ? "" : encode(at.path));
  }

  override async list(at: Place, signal?: AbortSignal): Promise<{ folder: Resource; children: Resource[] }> {
    const [folder, ...children] = await this.find(at, "1", signal);
    if (!folder) throw new Error("empty multistatus");
    // Of a link to a file, only the file is listed.
    if (!folder.folder) return { folder: { ...folder, path: "/", folder: true, permissions: "" }, children: [folder] };
    return { folder, children };
  }

  override async stat(at: Place, ...more: string[]): Promise<Resource> {
    const [it] = await this.find(at, "0", undefined, ...more);
    if (!it) throw new Error("empty multistatus");
    return it;
  }

  /** open asks what the link is. 401 and 404 as `closed` explains. */
  async open(token: string): Promise<LinkInfo> {
    const [item] = await this.items({ driveId: token, path: "/" }, "0", undefined, "oc:public-link-permission", "oc:public-link-item-type", "oc:public-link-expiration", "oc:owner-display-name", "oc:public-link-share-owner");
    if (!item) throw new ApiError(404, "", "");
    this.info = {
      folder: resource(item, token, root + token),
      rights: Number(text(item, "public-link-permission")) || 0,
      file: text(item, "public-link-item-type") === "file",
      owner: text(item, "owner-display-name") || text(item, "public-link-share-owner"),
      expires: Date.parse(text(item, "public-link-expiration")) || 0,
    };
    return this.info;
  }

  /** signature is what lets a browser fetch something by itself, for half an hour; empty if there is no password. */
  async signature(token: string): Promise<[string, string][]> {
    const [item] = await this.items({ driveId: token, path: "/" }, "0", undefined, "oc:signature-auth");
    const part = (name: string) => inner(item?.props.get("signature-auth"), name)?.text ?? "";
    return part("signature") ? [["signature", part("signature")], ["expiration", part("expiration")]] : [];
  }

  private async find(at: Place, depth: string, signal?: AbortSignal, ...more: string[]): Promise<Resource[]> {
    return (await this.items(at, depth, signal, ...more)).map((i) => resource(i, at.driveId, root + at.driveId));
  }

  private async items(at: Place, depth: string, signal?: AbortSignal, ...more: string[]): Promise<Item[]> {
    const body = `<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">${properties(...more)}</d:propfind>`;
    const r = await this.visitor.send("PROPFIND", this.url(at), { headers: { "Content-Type": "application/xml; charset=utf-8", Depth: depth }, body, ...(signal ? { signal } : {}) });
    return parse(await r.text());
  }
}

/** memberItem finds the item that a link for members opens, as whoever is signed in; "" if they may not see it. (spec/storage.md §10) */
export async function memberItem(http: Http, token: string): Promise<string> {
  const { ocs } = await http.json<{ ocs: { data: { id?: string } } }>("GET", `/ocs/v1.php/apps/files_sharing/api/v1/tokeninfo/protected/${encodeURIComponent(token)}?format=json`);
  return ocs.data.id ?? "";
}

/** LinkSigner makes addresses that a browser may load by itself, in the name of a link. */
export class LinkSigner implements Pick<Signer, "sign"> {
  constructor(
    private readonly dav: LinkDav,
    private readonly base: string,
    private readonly token: string,
  ) {}

  async sign(path: string, query: [string, string][]): Promise<string> {
    return `${this.base}${path}?${new URLSearchParams([...query, ["public-token", this.token], ...(await this.dav.signature(this.token))])}`;
  }
}

function base64(s: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(s)));
}
