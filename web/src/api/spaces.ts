import type { Drive } from "./graph";
import type { Http } from "./http";
import type { Permission, Role } from "./sharing";

/** Spaces makes and changes spaces. (spec/services.md §16.4) */
export class Spaces {
  constructor(private readonly http: Http) {}

  /** all lists the spaces of everybody; for administrators. */
  async all(): Promise<Drive[]> {
    return (await this.http.json<{ value?: Drive[] }>("GET", "/graph/v1beta1/drives")).value ?? [];
  }

  /** create makes a space, with a picture and a readme to begin with unless it shall be empty. 403 without the permission. */
  create(name: string, more: { description?: string; total?: number } = {}, filled = true): Promise<Drive> {
    const { total, ...rest } = more;
    return this.http.json("POST", `/graph/v1.0/drives${filled ? "?template=default" : ""}`, { json: { name, ...rest, ...(total === undefined ? {} : { quota: { total } }) } });
  }

  /** change gives another name, description, quota (0: without limit), picture or readme (ids of files of the space). */
  async change(id: string, to: { name?: string; description?: string; quota?: { total: number }; special?: { id: string; specialFolder: { name: "image" | "readme" } }[] }): Promise<void> {
    await this.http.send("PATCH", this.one(id), { json: to });
  }

  /** disable takes a space out of use; it can be enabled again. */
  async disable(id: string): Promise<void> {
    await this.http.send("DELETE", this.one(id));
  }

  /** enable takes it into use again. */
  async enable(d: Drive): Promise<void> {
    await this.http.send("PATCH", this.one(d.id), { json: { name: d.name }, headers: { Restore: "true" } });
  }

  /** remove deletes a disabled space for good. */
  async remove(id: string): Promise<void> {
    await this.http.send("DELETE", this.one(id), { headers: { Purge: "T" } });
  }

  /** members are who is in a space, also for administrators who are not. */
  async members(id: string): Promise<Permission[]> {
    const q = new URLSearchParams({ $filter: `id eq '${id}'`, $expand: "root($expand=permissions)" });
    const { value } = await this.http.json<{ value?: { root?: { permissions?: Permission[] } }[] }>("GET", `/graph/v1beta1/drives?${q}`);
    return value?.[0]?.root?.permissions ?? [];
  }

  /** roles are those that there are anywhere. */
  roles(): Promise<Role[]> {
    return this.http.json("GET", "/graph/v1beta1/roleManagement/permissions/roleDefinitions");
  }

  private one(id: string): string {
    return `/graph/v1.0/drives/${encodeURIComponent(id)}`;
  }
}

/** special is the file of a space that is its picture or readme. */
export const special = (d: Drive, name: "image" | "readme") => d.special?.find((s) => s.specialFolder?.name === name);

/** disabled tells whether a space is out of use. */
export const disabled = (d: Drive): boolean => d.root?.deleted !== undefined;
