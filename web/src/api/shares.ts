import type { Http } from "./http";
import { join } from "./path";
import type { Resource } from "./resource";
import type { Identities, Permission } from "./sharing";

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
export interface Shared {
  id: string; // in the jail if it comes from others
  item: Resource;
  accepted: boolean;
  hidden: boolean;
  by: string; // names
  with: string[];
  links: Permission[];
  since: number;
}

/** shared reads an item of sharedWithMe or sharedByMe. */
export function shared(i: Item): Shared {
  const r = i.remoteItem ?? i;
  const permissions = r.permissions ?? i.permissions ?? [];
  const path = r.parentReference?.path ?? "";
  const name = (x?: Identities) => x?.user?.displayName ?? x?.group?.displayName ?? "";
  const unique = (list: string[]) => [...new Set(list.filter(Boolean))];
  return {
    id: i.id,
    accepted: i["@client.synchronize"] ?? true,
    hidden: i["@UI.Hidden"] ?? false,
    by: unique(permissions.map((p) => name(p.invitation?.invitedBy))).join(", ") || name(i.remoteItem?.createdBy),
    with: unique(permissions.map((p) => name(p.grantedToV2))),
    links: permissions.filter((p) => p.link),
    since: Math.max(0, ...permissions.map((p) => Date.parse(p.createdDateTime ?? "") || 0)),
    item: {
      id: r.id,
      parentId: r.parentReference?.id ?? "",
      driveId: i.remoteItem ? i.id : (r.id.split("!")[0] ?? ""), // what others shared is reached by where it is mounted
      name: i.name || r.name,
      path: i.remoteItem ? "/" : join(path.replace(/\/+$/, "") || "/", r.name),
      folder: !!r.folder || !r.file,
      size: r.size ?? i.size ?? 0,
      modified: Date.parse(r.lastModifiedDateTime ?? i.lastModifiedDateTime ?? "") || 0,
      mime: r.file?.mimeType ?? "",
      etag: r.eTag ?? i.eTag ?? "",
      permissions: "",
      favourite: false,
      tags: [],
      shareTypes: [],
      locked: "",
      hasPreview: false,
      processing: false,
      privateLink: "",
      downloadUrl: "",
    },
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
    await this.http.send("POST", `/graph/v1beta1/drives/${encodeURIComponent(jail)}/root/children`, { json: { name: s.item.name, remoteItem: { id: s.item.id } } });
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
    return `/graph/v1beta1/drives/${encodeURIComponent(jail)}/items/${encodeURIComponent(s.id)}`;
  }

  private async read(name: string): Promise<Shared[]> {
    const { value } = await this.http.json<{ value?: Item[] }>("GET", `/graph/v1beta1/me/drive/${name}`);
    return (value ?? []).map(shared);
  }
}
