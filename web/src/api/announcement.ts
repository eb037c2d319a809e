import type { Http } from "./http";

/** Announcement is a line above every page, also for those who are not signed in; `infoText` is Markdown. */
export interface Announcement {
  enabled: boolean;
  bannerText: string;
  infoText: string;
}

/** announcement returns what is announced, set announces; an empty line forgets it. 403 without the permission, 413 beyond 50 KiB. (spec/services.md §16.10) */
export const announcement = (http: Http): Promise<Announcement> => http.json("GET", "/announcement");
export async function announce(http: Http, a: Announcement): Promise<void> {
  await http.send("PUT", "/announcement", { json: a });
}
