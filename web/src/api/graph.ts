import type { Http } from "./http";

/** Quota is in bytes; total 0 is without limit. */
export interface Quota {
  total?: number;
  used?: number;
  remaining?: number;
  state?: "normal" | "nearing" | "critical" | "exceeded";
}

/** Drive is a space. */
export interface Drive {
  id: string;
  driveType: "personal" | "project" | "mountpoint" | "virtual";
  driveAlias: string; // as "personal/mary"
  name: string;
  description?: string;
  lastModifiedDateTime?: string;
  quota?: Quota;
  root?: {
    id: string;
    eTag?: string;
    webDavUrl?: string;
    deleted?: { state: string };
    remoteItem?: { id: string; name?: string; driveAlias?: string };
  };
  special?: { id: string; name?: string; specialFolder?: { name: string }; webDavUrl?: string }[];
  webUrl?: string;
}

/** User is a person. */
export interface User {
  id: string;
  displayName: string;
  mail?: string;
  onPremisesSamAccountName: string;
  preferredLanguage?: string;
  memberOf?: { id: string; displayName: string }[];
}

/** Graph speaks LibreGraph. Features add what they need in files of their own, with the same Http. (spec/services.md §16.4-16.6) */
export class Graph {
  constructor(private readonly http: Http) {}

  /** me is who is signed in. */
  me(): Promise<User> {
    return this.http.json("GET", "/graph/v1.0/me?$expand=memberOf");
  }

  /** drives lists the spaces of whoever is signed in. */
  async drives(): Promise<Drive[]> {
    return (await this.http.json<{ value: Drive[] }>("GET", "/graph/v1beta1/me/drives")).value;
  }
}
