import type { Http } from "./http";

/** Identity is a person or group by name. */
export interface Identity {
  id: string;
  displayName: string;
  "@libre.graph.userType"?: string;
}

/** Identities is one of them. */
export interface Identities {
  user?: Identity;
  group?: Identity;
}

/** LinkType is what a link lets people do. (spec/identity.md §14.8) */
export type LinkType = "internal" | "view" | "upload" | "edit" | "createOnly";

/** Role is a set of rights that can be given. */
export interface Role {
  id: string;
  displayName: string;
  description: string;
  "@libre.graph.weight"?: number;
}

/** Permission is what somebody may do with an item, or a link to it. */
export interface Permission {
  id: string;
  grantedToV2?: Identities;
  roles?: string[];
  createdDateTime?: string;
  expirationDateTime?: string;
  invitation?: { invitedBy: Identities };
  hasPassword?: boolean;
  link?: { type?: LinkType; webUrl: string; "@libre.graph.displayName"?: string; "@libre.graph.quickLink"?: boolean };
  "@opencloud.link.views"?: number; // for those who may change the link
  "@opencloud.link.downloads"?: number;
}

/** Permissions is who has which rights, and what the caller may give. */
export interface Permissions {
  value: Permission[];
  roles: Role[];
  actions: string[]; // what the caller may do
}

/** Recipient is somebody to share with. */
export interface Recipient {
  id: string;
  name: string;
  hint: string; // mail address or login name
  kind: "user" | "group";
}

/** NewLink is what a link shall be. */
export interface NewLink {
  type: LinkType;
  password?: string;
  expirationDateTime?: string;
  displayName?: string;
  "@libre.graph.quickLink"?: boolean;
}

/** itemUrl is the address of an item in LibreGraph; the root of a space has one of its own. (spec/services.md §16.5) */
export function itemUrl(fileId: string): string {
  const [drive = "", node] = fileId.split("!");
  const root = node === undefined || drive.split("$")[1] === node;
  return `/graph/v1beta1/drives/${encodeURIComponent(drive)}/${root ? "root" : `items/${encodeURIComponent(fileId)}`}`;
}

/** Sharing gives rights on items to people, groups and by links. (spec/identity.md §14.7, §14.8) */
export class Sharing {
  constructor(private readonly http: Http) {}

  /** list returns the rights on an item. 404 if it is not to be seen. */
  async list(fileId: string): Promise<Permissions> {
    const r = await this.http.json<{ value?: Permission[]; "@libre.graph.permissions.roles.allowedValues"?: Role[]; "@libre.graph.permissions.actions.allowedValues"?: string[] }>("GET", `${itemUrl(fileId)}/permissions`);
    return { value: r.value ?? [], roles: r["@libre.graph.permissions.roles.allowedValues"] ?? [], actions: r["@libre.graph.permissions.actions.allowedValues"] ?? [] };
  }

  /** actions returns only what the caller may do with an item. */
  async actions(fileId: string): Promise<string[]> {
    const name = "@libre.graph.permissions.actions.allowedValues";
    return (await this.http.json<Record<string, string[] | undefined>>("GET", `${itemUrl(fileId)}/permissions?$select=${encodeURIComponent(name)}`))[name] ?? [];
  }

  /** invite gives a role to somebody: one at a time, as the server wants it. 409 if they have one already. */
  async invite(fileId: string, who: Recipient, role: string, expires?: string): Promise<void> {
    const recipients = [{ objectId: who.id, "@libre.graph.recipient.type": who.kind }];
    await this.http.send("POST", `${itemUrl(fileId)}/invite`, { json: { recipients, roles: [role], ...(expires ? { expirationDateTime: expires } : {}) } });
  }

  /** change gives another role or time; null takes the time off. */
  async change(fileId: string, id: string, to: { roles?: string[]; expirationDateTime?: string | null; link?: { type?: LinkType; "@libre.graph.displayName"?: string } }): Promise<void> {
    await this.http.send("PATCH", this.one(fileId, id), { json: to });
  }

  /** remove takes a right or link away. */
  async remove(fileId: string, id: string): Promise<void> {
    await this.http.send("DELETE", this.one(fileId, id));
  }

  /** createLink makes a link. 400 if a password is missing or too weak, 403 if links are not allowed. */
  createLink(fileId: string, link: NewLink): Promise<Permission> {
    return this.http.json("POST", `${itemUrl(fileId)}/createLink`, { json: link });
  }

  /** setPassword sets a link's password; "" takes it off. */
  async setPassword(fileId: string, id: string, password: string): Promise<void> {
    await this.http.send("POST", `${this.one(fileId, id)}/setPassword`, { json: { password } });
  }

  /** search finds people and groups by a part of a name. 403 if the term is too short. */
  async search(term: string, signal?: AbortSignal): Promise<Recipient[]> {
    const q = `$search=${encodeURIComponent(JSON.stringify(term))}&$top=20`;
    const init = signal ? { signal } : {};
    const [users, groups] = await Promise.all([
      this.http.json<{ value?: { id: string; displayName: string; mail?: string; onPremisesSamAccountName?: string }[] }>("GET", `/graph/v1.0/users?${q}`, init),
      this.http.json<{ value?: { id: string; displayName: string }[] }>("GET", `/graph/v1.0/groups?${q}`, init),
    ]);
    return [
      ...(users.value ?? []).map((u) => ({ id: u.id, name: u.displayName, hint: u.mail || u.onPremisesSamAccountName || "", kind: "user" as const })),
      ...(groups.value ?? []).map((g) => ({ id: g.id, name: g.displayName, hint: "", kind: "group" as const })),
    ];
  }

  private one(fileId: string, id: string): string {
    return `${itemUrl(fileId)}/permissions/${encodeURIComponent(id)}`;
  }
}
