import type { QueryClient } from "@tanstack/vue-query";
import { inject, type InjectionKey, type Ref } from "vue";
import type { Router } from "vue-router";
import type { Language } from "vue3-gettext";
import type { Capabilities } from "@/api/capabilities";
import type { Dav } from "@/api/dav";
import type { Drive, Graph, User } from "@/api/graph";
import type { Http } from "@/api/http";
import type { Signer } from "@/api/sign";
import type { Session } from "@/auth/session";
import type { Config } from "./config";
import type { Dialogs } from "./dialogs";
import type { Embed } from "./embed";
import type { Registry } from "./registry";
import type { Theme } from "./theme";
import type { Toasts } from "./toasts";

/** App is what every part of the application may use; start.ts makes the only one. */
export interface App {
  config: Config;
  session: Session;
  http: Http;
  dav: Dav;
  graph: Graph;
  signer: Signer;
  queries: QueryClient;
  router: Router;
  registry: Registry;
  language: Language;
  theme: Theme;
  toasts: Toasts;
  dialogs: Dialogs;
  embed?: Embed; // if we are in another page's frame
  me: Ref<User | undefined>; // what the token says until the server has answered
  drives: Ref<Drive[] | undefined>;
  capabilities: Ref<Capabilities | undefined>; // they come after the first list
  permissions: Ref<ReadonlySet<string>>; // names as in spec/services.md §17.2
}

/** appKey is what the App is provided under. */
export const appKey: InjectionKey<App> = Symbol("app");

/** useApp returns the App inside components. */
export function useApp(): App {
  const app = inject(appKey);
  if (!app) throw new Error("no App provided");
  return app;
}

/** can tells whether the person has a permission of the settings service. (spec/services.md §17.2) */
export const can = (app: App, permission: string): boolean => app.permissions.value.has(permission);
