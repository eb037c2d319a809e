import type { Http } from "./http";
import { join } from "./path";
import type { Resource } from "./resource";
import type { Identities, Identity, Permission } from "./sharing";

/** jail is the space that holds what others shared. (spec/storage.md) */
export const jail = "a0ca6a90-a365-4782-871e-d44447bbc668$a0ca6a90-a365-4782-871e-d44447bbc668";

interface Item {
  id: string;
  name: string;
  eTag?: string;
  size?: number;
  lastModifiedDateTime?: string;
  file?: { mimeType: string };
  folder?: object;
  parentReference?: { driveId: string; driveType?: string; id?: string; path?: string };
  permissions?: Permission[];
  "@client.synchronize"?: boolean;
  "@UI.Hidden"?: boolean;
  remoteItem?: Item & { createdBy?: Identities };
}

/** Shared is an item that is shared, and by or with whom. */
export interface Shared extends Resource {
  mount: string; // its id in the jail; "" if the person shared it
  accepted: boolean;
  hidden: boolean;
  by: Identity[];
  people: Identity[];
  groups: Identity[];
  links: Permission[];
  since: number;
}

/** shared reads an item of sharedWithMe or sharedByMe. */
export function shared(i: Item): Shared {
  const r = i.remoteItem ?? i;
  const received = i.remoteItem !== undefined;
  const permissions = r.permissions ?? i.permissions ?? [];
  const path = r.parentReference?.path ?? "";
  const accepted = i["@client.synchronize"] ?? true;
  const unique = (list: (Identity | undefined)[]) => [...new Map(list.flatMap((x) => (x?.displayName ? [[x.id, x]] : []))).values()];
  const by = unique(permissions.map((p) => p.invitation?.invitedBy.user));
  return {
    mount: received ? i.id : "",
    accepted,
    hidden: i["@UI.Hidden"] ?? false,
    by: by.length ? by : unique([i.remoteItem?.createdBy?.user]),
    people: unique(permissions.map((p) => p.grantedToV2?.user)),
    groups: unique(permissions.map((p) => p.grantedToV2?.group)),
    links: permissions.filter((p) => p.link),
    since: Math.max(0, ...permissions.map((p) => Date.parse(p.createdDateTime ?? "") || 0)),
    id: r.id,
    parentId: received ? "" : (r.parentReference?.id ?? ""), // what is above is the others'
    driveId: received ? i.id : (r.id.split("!")[0] ?? ""), // what others shared is reached by where it is mounted
    name: i.name || r.name,
    path: received ? "/" : join(path.replace(/\/+$/, "") || "/", r.name),
    folder: !!r.folder || !r.file,
    size: r.size ?? i.size ?? 0,
    modified: Date.parse(r.lastModifiedDateTime ?? i.lastModifiedDateTime ?? "") || 0,
    mime: r.file?.mimeType ?? "",
    etag: r.eTag ?? i.eTag ?? "",
    permissions: received ? (accepted ? "" : "X") : "R", // nothing is read before it is accepted; who shared may share on
    favourite: false,
    tags: [],
    shareTypes: [],
    locked: "",
    hasPreview: false,
    processing: false,
    privateLink: "",
    downloadUrl: "",
  };
}

/** Shares are what others shared with the person, and what the person shared. (spec/identity.md §14.9) */
export class Shares {
  constructor(private readonly http: Http) {}

  /** withMe lists what others shared, accepted or not. */
  async withMe(): Promise<Shared[]> {
    return this.read("sharedWithMe");
  }

  /** byMe lists what the person shared, with people and by links. */
  async byMe(): Promise<Shared[]> {
    return this.read("sharedByMe");
  }

  /** accept puts something shared among the person's files. */
  async accept(s: Shared): Promise<void> {
    await this.http.send("POST", `/graph/v1beta1/drives/${encodeURIComponent(jail)}/root/children`, { json: { name: s.name, remoteItem: { id: s.id } } });
  }

  /** decline takes it away from there; it can be accepted again. */
  async decline(s: Shared): Promise<void> {
    await this.http.send("DELETE", this.one(s));
  }

  /** hide keeps it out of the list, or shows it again. */
  async hide(s: Shared, on: boolean): Promise<void> {
    await this.http.send("PATCH", this.one(s), { json: { "@UI.Hidden": on } });
  }

  private one(s: Shared): string {
    return `/graph/v1beta1/drives/${encodeURIComponent(jail)}/items/${encodeURIComponent(s.mount)}`;
  }

  private async read(name: string): Promise<Shared[]> {
    const { value } = await this.http.json<{ value?: Item[] }>("GET", `/graph/v1beta1/me/drive/${name}`);
    return (value ?? []).map(shared);
  }
}
