// What the server tells about itself in /config.json. (spec/services.md §18.1)

/** Config is the part of config.json that we use. */
export interface Config {
  server: string;
  theme: string;
  openIdConnect: {
    metadata_url?: string;
    metadata?: object; // of the provider, so that it need not be asked for
    authority: string;
    client_id: string;
    scope: string;
    post_logout_redirect_uri?: string;
  };
  external_apps: { id: string; path: string }[];
  options: {
    openFilesInNewTab?: boolean;
    disableFeedbackLink?: boolean;
    accountEditLink?: { href?: string };
    editor?: { autosaveEnabled?: boolean; autosaveInterval?: number };
    tokenStorageLocal?: boolean;
    userListRequiresFilter?: boolean;
    logoutUrl?: string;
    hideLogo?: boolean;
    embed?: { enabled?: boolean; target?: string; messagesOrigin?: string; delegateAuthentication?: boolean; delegateAuthenticationOrigin?: string };
    announcement?: { bannerText?: string; infoText?: string };
  };
}

/** inPage is what the server has put into the page as data, if it did. */
export function inPage(id: "oc-config" | "oc-theme"): unknown {
  const text = document.getElementById(id)?.textContent;
  return text ? JSON.parse(text) : undefined;
}

/** loadConfig takes what the server put into the page (a request less), or asks it. It fails without a usable answer. */
export async function loadConfig(): Promise<Config> {
  const given = inPage("oc-config");
  if (given) return readConfig(given, location.origin);
  const r = await fetch("/config.json", { headers: { Accept: "application/json" } });
  if (!r.ok) throw new Error(`config.json: ${r.status}`);
  return readConfig(await r.json(), location.origin);
}

/** readConfig checks an answer and fills in what may be absent. */
export function readConfig(raw: unknown, origin: string): Config {
  const c = raw as Partial<Config> | null;
  if (typeof c !== "object" || c === null || typeof c.server !== "string" || typeof c.theme !== "string") {
    throw new Error("config.json: server or theme is missing");
  }
  const oidc = c.openIdConnect;
  return {
    server: c.server.replace(/\/+$/, ""),
    theme: c.theme,
    openIdConnect: { ...oidc, authority: oidc?.authority ?? origin, client_id: oidc?.client_id ?? "web", scope: oidc?.scope ?? "openid profile email" },
    external_apps: c.external_apps ?? [],
    options: c.options ?? {},
  };
}
