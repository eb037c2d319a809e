import { defineStore } from "pinia";
import { ref } from "vue";
import type { Drive } from "@/api/graph";
import { Graph } from "@/api/graph";
import { LinkDav, LinkHttp, LinkSigner } from "@/api/link";
import type { Signer } from "@/api/sign";
import type { Session } from "@/auth/session";
import type { App } from "./app";

/** LinkApp is the App of whoever comes by a public link. */
export interface LinkApp extends App {
  http: LinkHttp;
  dav: LinkDav;
}

/** useLinks keeps the links that were opened, with the passwords that were given, as long as the page is there. */
export const useLinks = defineStore("links", () => {
  const apps = new Map<string, LinkApp>();
  const get = (app: App, token: string): LinkApp => {
    const link = apps.get(token) ?? linkApp(app, token);
    apps.set(token, link);
    return link;
  };
  return { get };
});

/** linkAlias is the alias of a link's space in addresses: /files/spaces/public/<token>. */
export const linkAlias = (token: string): string => `public/${token}`;

// What works without an account; the rest of the registry is about people's own spaces.
const actions = new Set(["open", "download", "cut", "copy", "paste", "move-to", "copy-to", "rename", "details", "delete-for-good"]);

/** linkApp makes an App in which the link is the only space, and nobody is signed in. */
export function linkApp(app: App, token: string): LinkApp {
  const http = new LinkHttp(app.http.base, token);
  http.language = app.http.language;
  http.changing = app.http.changing;
  const dav = new LinkDav(http);
  const drive: Drive = { id: token, driveType: "virtual", driveAlias: linkAlias(token), name: "" };
  return {
    ...app,
    http,
    dav,
    graph: new Graph(http),
    signer: new LinkSigner(dav, http.base, token) as Pick<Signer, "sign"> as Signer,
    session: {} as Session, // of nobody: without token and claims
    me: ref(),
    drives: ref([drive]),
    permissions: ref(new Set<string>()),
    registry: { ...app.registry, actions: app.registry.actions.filter((a) => actions.has(a.id)), panels: app.registry.panels.filter((p) => p.id === "details") },
  };
}
