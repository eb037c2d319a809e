import type { Http } from "./http";

/** AppToken lets an application in; the token itself is told only when it is made. */
export interface AppToken {
  token: string;
  created_date: string;
  expiration_date: string;
  label: string;
}

/** Setting is one of the person's settings as the server describes it. (spec/services.md §17.3) */
export interface Setting {
  id: string;
  name: string;
  displayName?: string;
  description?: string;
  boolValue?: { default?: boolean };
  singleChoiceValue?: { options: { value: { stringValue?: string }; default?: boolean; displayValue?: string }[] };
  multiChoiceCollectionValue?: { options: { key: string; attribute?: string; displayValue?: string; value: { boolValue?: { default?: boolean } } }[] };
}

/** Value is what the person chose. */
export interface Value {
  id?: string;
  settingId: string;
  boolValue?: boolean;
  listValue?: { values: { stringValue?: string }[] };
  collectionValue?: { values: { key: string; boolValue?: boolean }[] };
}

const profile = "2a506de7-99bd-4f0d-994e-c38e72c28fd9";
const tokens = "/auth-app/tokens";

/** Own is the person's own account. (spec/services.md §16.6-16.8) */
export class Own {
  constructor(private readonly http: Http) {}

  /** language sets the language of mails and of the client. */
  async language(preferredLanguage: string): Promise<void> {
    await this.http.send("PATCH", "/graph/v1.0/me", { json: { preferredLanguage } });
  }

  /** password replaces the password. 400 if the current one is wrong or the new one too weak. */
  async password(currentPassword: string, newPassword: string): Promise<void> {
    await this.http.send("POST", "/graph/v1.0/me/changePassword", { json: { currentPassword, newPassword } });
  }

  /** tokens lists app tokens, without their secrets. */
  async tokens(): Promise<AppToken[]> {
    return (await this.http.json<AppToken[] | null>("GET", tokens)) ?? [];
  }

  /** createToken makes one, for a number of hours. */
  createToken(label: string, hours: number): Promise<AppToken> {
    return this.http.json("POST", `${tokens}?${new URLSearchParams({ expiry: `${hours}h`, label })}`);
  }

  /** removeToken locks out whoever uses it. */
  async removeToken(t: AppToken): Promise<void> {
    await this.http.send("DELETE", `${tokens}?${new URLSearchParams({ token: t.token })}`);
  }

  /** settings returns what can be set, and what is. */
  async settings(): Promise<{ settings: Setting[]; values: Map<string, Value> }> {
    const [{ bundles }, { values }] = await Promise.all([
      this.http.json<{ bundles?: { id: string; settings?: Setting[] }[] }>("POST", "/api/v0/settings/bundles-list", { json: {} }),
      this.http.json<{ values?: { value: Value }[] }>("POST", "/api/v0/settings/values-list", { json: { account_uuid: "me" } }),
    ]);
    return { settings: bundles?.find((b) => b.id === profile)?.settings ?? [], values: new Map((values ?? []).map((v) => [v.value.settingId, v.value])) };
  }

  /** save sets one value. */
  async save(value: Value): Promise<void> {
    await this.http.send("POST", "/api/v0/settings/values-save", { json: { value: { ...value, accountUuid: "me", bundleId: profile, resource: { type: "TYPE_USER" } } } });
  }

  /** export begins to write all that is known of the person into a file of their space. */
  async export(userId: string, storageLocation: string): Promise<void> {
    await this.http.send("POST", `/graph/v1.0/users/${encodeURIComponent(userId)}/exportPersonalData`, { json: { storageLocation } });
  }
}
