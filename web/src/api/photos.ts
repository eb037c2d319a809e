import { is, type Http } from "./http";

const own = "/graph/v1.0/me/photo/$value";

/** Photos are the pictures of people. (spec/identity.md §14.2) */
export class Photos {
  constructor(private readonly http: Http) {}

  /** of returns somebody's picture, or null if they have none. */
  async of(userId: string): Promise<Blob | null> {
    try {
      return await (await this.http.send("GET", `/graph/v1.0/users/${encodeURIComponent(userId)}/photo/$value`)).blob();
    } catch (e) {
      if (is(e, 404)) return null;
      throw e;
    }
  }

  /** set makes a picture one's own. 400 if it is none. */
  async set(picture: Blob): Promise<void> {
    await this.http.send("PUT", own, { body: picture });
  }

  /** remove takes one's own picture away. */
  async remove(): Promise<void> {
    await this.http.send("DELETE", own);
  }
}
