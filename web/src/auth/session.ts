import { UserManager, WebStorageStateStore, type OidcMetadata, type User } from "oidc-client-ts";
import type { Config } from "@/app/config";

const prefix = "oc_oAuth.";
const metadataKey = "oc_oidc_metadata";

/** Session is who is signed in here: OpenID Connect, code flow with PKCE, renewed in a hidden frame. (spec/services.md §16.2, RFC 7636) */
export class Session {
  /** leaving is called when the person signs out: what is kept for them in this browser goes. */
  readonly leaving: (() => Promise<unknown>)[] = [];
  private readonly store: Storage;
  private manager?: UserManager;
  private user: User | null = null;
  private renewing?: Promise<boolean>;

  constructor(private readonly config: Config) {
    this.store = config.options.tokenStorageLocal === false ? sessionStorage : localStorage;
  }

  /** likely tells whether somebody was signed in here before; nothing is proven by it. */
  static likely(): boolean {
    return [localStorage, sessionStorage].some((s) => Object.keys(s).some((k) => k.startsWith(prefix + "user:")));
  }

  /** token is the access token, or undefined for strangers. */
  get token(): string | undefined {
    return this.user?.access_token;
  }

  /** claims are what the ID token says about the person. */
  get claims(): { sub: string; name?: string; preferred_username?: string; email?: string } | undefined {
    return this.user?.profile;
  }

  /** restore takes up an earlier session, renewing it if it has expired, and tells whether there is one. */
  async restore(): Promise<boolean> {
    if (!Session.likely()) return false;
    const manager = await this.oidc();
    const user = await manager.getUser();
    if (!user) return false;
    this.user = user;
    return user.expired ? this.renew() : true;
  }

  /** signIn leads to the sign-in page, which leads back to the address `to`; `anew` asks also who is signed in there who they are. */
  async signIn(to: string, anew = false): Promise<void> {
    await (await this.oidc()).signinRedirect({ state: to, ...(anew ? { prompt: "login" } : {}) });
    await new Promise(() => undefined); // the page is being left
  }

  /** finish takes what the sign-in page gave and returns the address to go on at. It fails if the answer is not for us. */
  async finish(): Promise<string> {
    try {
      this.user = await (await this.oidc()).signinRedirectCallback();
    } catch (e) {
      // An old answer, as after "back": whoever is signed in goes on, others begin again.
      if (await this.restore()) return "/";
      if (new URLSearchParams(location.search).has("error")) throw e;
      await this.signIn("/");
    }
    return safe(this.user?.state);
  }

  /** renew gets a new token without asking, and tells whether it succeeded. Several calls at once are one. */
  renew(): Promise<boolean> {
    this.renewing ??= this.tryRenew().finally(() => (this.renewing = undefined));
    return this.renewing;
  }

  /** signOut ends the session here and at the server. */
  async signOut(): Promise<void> {
    const manager = await this.oidc();
    const hint = this.user?.id_token;
    await manager.removeUser(); // first, so that no tab keeps anything any more
    await Promise.allSettled(this.leaving.map((f) => f()));
    if (this.config.options.logoutUrl) {
      location.assign(this.config.options.logoutUrl);
      return;
    }
    await manager.signoutRedirect(hint ? { id_token_hint: hint } : {});
  }

  private async tryRenew(): Promise<boolean> {
    const manager = await this.oidc();
    try {
      this.user = await manager.signinSilent();
    } catch {
      this.user = null;
      await manager.removeUser();
    }
    return !!this.user;
  }

  private async oidc(): Promise<UserManager> {
    if (this.manager) return this.manager;
    const { authority, client_id, scope, post_logout_redirect_uri } = this.config.openIdConnect;
    const origin = location.origin;
    const manager = new UserManager({
      authority,
      client_id,
      scope,
      metadata: await this.metadata(),
      redirect_uri: origin + "/oidc-callback.html",
      silent_redirect_uri: origin + "/oidc-silent-redirect.html",
      post_logout_redirect_uri: post_logout_redirect_uri || origin + "/",
      response_type: "code",
      response_mode: "query",
      loadUserInfo: false,
      automaticSilentRenew: true,
      accessTokenExpiringNotificationTimeInSeconds: 30,
      userStore: new WebStorageStateStore({ store: this.store, prefix }),
      stateStore: new WebStorageStateStore({ store: this.store, prefix }),
    });
    manager.events.addUserLoaded((user) => {
      this.user = user;
    });
    manager.events.addUserSignedOut(() => location.reload());
    // Signed out, or signed in as somebody else, in another tab: what is shown here is no longer ours.
    window.addEventListener("storage", (e) => {
      if (e.key?.startsWith(prefix + "user:") && e.newValue === null && this.user) location.reload();
    });
    this.manager = manager;
    return manager;
  }

  // metadata is kept for the way to the sign-in page and back: one request less.
  private async metadata(): Promise<Partial<OidcMetadata>> {
    const { authority, metadata_url, metadata: known } = this.config.openIdConnect;
    if (known) return known;
    const url = metadata_url || authority.replace(/\/+$/, "") + "/.well-known/openid-configuration";
    const kept = JSON.parse(sessionStorage.getItem(metadataKey) ?? "null") as { url: string; metadata: Partial<OidcMetadata> } | null;
    if (kept?.url === url) return kept.metadata;
    const r = await fetch(url);
    if (!r.ok) throw new Error(`${url}: ${r.status}`);
    const metadata = (await r.json()) as Partial<OidcMetadata>;
    sessionStorage.setItem(metadataKey, JSON.stringify({ url, metadata }));
    return metadata;
  }
}

/** safe admits only addresses of our own, so that nobody is led elsewhere after signing in. */
export function safe(to: unknown): string {
  return typeof to === "string" && /^\/(?![/\\])/.test(to) && !/[\\\n\r\t]/.test(to) ? to : "/";
}
