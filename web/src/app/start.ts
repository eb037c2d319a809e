// Puts the application together, for somebody who is signed in or on an address that needs no account.
import { QueryClient, VueQueryPlugin } from "@tanstack/vue-query";
import { createPinia } from "pinia";
import { createApp, reactive, ref, watch } from "vue";
import { capabilities, type Capabilities } from "@/api/capabilities";
import { Dav } from "@/api/dav";
import { Graph, type Drive, type User } from "@/api/graph";
import { Http, is } from "@/api/http";
import { permissions } from "@/api/settings";
import { Signer } from "@/api/sign";
import type { Session } from "@/auth/session";
import { appKey, type App } from "./app";
import type { Config } from "./config";
import { Dialogs } from "./dialogs";
import { embedded, type Embed } from "./embed";
import { createLanguage, initial, pick, remember, use } from "./i18n";
import { hold } from "./leave";
import { resume } from "./resume";
import { gather, type Feature } from "./registry";
import { createRoutes } from "./router";
import Shell from "./Shell.vue";
import { Theme } from "./theme";
import { Toasts } from "./toasts";

const features = import.meta.glob<{ default: Feature }>("../features/*/feature.ts", { eager: true });

/** start mounts the application. */
export async function start(config: Config, session: Session, embed?: Embed): Promise<void> {
  const http = new Http(location.origin, {
    get token() {
      return session.token;
    },
    renew: () => session.renew(),
    lost: () => (embed ? location.reload() : void session.signIn(location.pathname + location.search + location.hash)),
  });
  http.changing = hold;
  const queries = new QueryClient({
    defaultOptions: { queries: { staleTime: 5_000, gcTime: 10 * 60_000, retry: (n, e) => n < 2 && !is(e, 400, 401, 403, 404, 423, 425), refetchOnWindowFocus: true } },
  });
  const registry = gather(Object.values(features).map((f) => f.default));
  const language = createLanguage();
  await use(language, initial());
  const app: App = {
    config: reactive(config), session, http, queries, registry, language,
    dav: new Dav(http),
    graph: new Graph(http),
    signer: new Signer(http),
    router: createRoutes(registry.routes),
    theme: new Theme(),
    toasts: new Toasts(() => language),
    dialogs: new Dialogs(),
    me: ref<User | undefined>(claimed(session)),
    drives: ref<Drive[]>(),
    capabilities: ref<Capabilities>(),
    permissions: ref(new Set<string>()),
  };
  if (embed) embedded(app, embed);
  watch(() => language.current, (l) => (http.language = l), { immediate: true });
  const vue = createApp(Shell);
  vue.provide(appKey, app);
  vue.use(createPinia()).use(VueQueryPlugin, { queryClient: queries }).use(language).use(app.router);
  vue.config.errorHandler = (e) => {
    console.error(e);
    app.toasts.error(language.$gettext("Something went wrong."), e);
  };
  if (session.token) {
    resume(app);
    void greet(app);
  } else {
    void capabilities(http).then((c) => (app.capabilities.value = c), console.warn);
    void app.theme.finish(config.theme).catch(console.warn);
  }
  vue.mount("#app");
}

// greet learns who the person is and what they may do. The spaces come first: the list of files waits for nothing else.
async function greet(app: App) {
  const { language: t } = app;
  try {
    app.drives.value = await app.graph.drives();
  } catch (e) {
    // Signed in, and yet not known here: the account is one of a provider that this server does not let in.
    if (is(e, 401, 403) && app.session.token) return void app.router.replace("/access-denied");
    app.drives.value = [];
    app.toasts.error(t.$gettext("Your spaces could not be loaded."), e);
  }
  await rest(app.queries);
  const results = await Promise.allSettled([
    app.graph.me().then(async (me) => {
      app.me.value = me;
      app.permissions.value = new Set(await permissions(app.http, me.id));
      if (me.preferredLanguage && pick([me.preferredLanguage]) !== t.current) {
        remember(pick([me.preferredLanguage]));
        await use(t, initial());
      }
    }),
    capabilities(app.http).then((c) => (app.capabilities.value = c)),
    app.theme.finish(app.config.theme),
  ]);
  for (const r of results) if (r.status === "rejected") console.warn(r.reason);
}

// rest waits until the first list is there and drawn, at most for some seconds: what comes after it is not to delay it.
async function rest(queries: QueryClient) {
  await idle();
  for (let n = 0; n < 50 && queries.isFetching(); n++) await new Promise((resolve) => setTimeout(resolve, 60));
  await idle();
}
const idle = () => new Promise<void>((resolve) => (typeof requestIdleCallback === "function" ? requestIdleCallback(() => resolve(), { timeout: 1000 }) : setTimeout(resolve, 100)));

function claimed(session: Session): User | undefined {
  const c = session.claims;
  return c && { id: c.sub, displayName: c.name ?? c.preferred_username ?? "", onPremisesSamAccountName: c.preferred_username ?? "", ...(c.email ? { mail: c.email } : {}) };
}
