import type { Http } from "./http";

const path = "/graph/v1.0/extensions/org.libregraph/tags";

/** Tags are words on files and folders, for all who see these. (spec/identity.md §14.10) */
export class Tags {
  constructor(private readonly http: Http) {}

  /** all are those of everything that the person sees. */
  async all(): Promise<string[]> {
    return (await this.http.json<{ value?: string[] }>("GET", path)).value ?? [];
  }

  /** add and remove change those of one resource. 400 with a comma or beyond 100 characters, 403 without the right to write. */
  async add(resourceId: string, tags: string[]): Promise<void> {
    await this.http.send("PUT", path, { json: { resourceId, tags } });
  }

  async remove(resourceId: string, tags: string[]): Promise<void> {
    await this.http.send("DELETE", path, { json: { resourceId, tags } });
  }
}
