import type { Http } from "./http";

/** permissions lists the names of what somebody may do. (spec/services.md §16.7, §17.2) */
export async function permissions(http: Http, accountId: string): Promise<string[]> {
  const r = await http.json<{ permissions?: string[] }>("POST", "/api/v0/settings/permissions-list", { json: { account_uuid: accountId } });
  return r.permissions ?? [];
}
