import { Check, Eye, EyeOff, Link2, Share2, X } from "@lucide/vue";
import type { Shared } from "@/api/shares";
import type { Context, Feature, FileAction } from "@/app/registry";
import type { Change } from "./change";

const chosen = (c: Context) => (c.where === "shares" ? (c.items as Shared[]) : []); // what is listed there are shares
const received = (c: Context, fits: (s: Shared) => boolean) => chosen(c).filter((s) => s.mount && fits(s));
const making = (what: Change, fits: (s: Shared) => boolean): Pick<FileAction, "applies" | "run"> => ({
  applies: (c) => received(c, fits).length > 0,
  run: async (c) => (await import("./change")).change(c.app, what, received(c, fits)),
});

export default {
  routes: [
    { path: "/files/shares", redirect: "/files/shares/with-me" },
    { path: "/files/shares/:tab(with-me|with-others|via-link)", props: true, component: () => import("./SharesPage.vue") },
  ],
  nav: [
    {
      id: "shares", label: ({ $gettext }) => $gettext("Shares"), icon: Share2, order: 30, to: () => "/files/shares/with-me",
      active: (path) => path.startsWith("/files/shares") || path.startsWith("/files/spaces/share/"), when: (app) => app.capabilities.value?.files_sharing?.api_enabled !== false,
    },
  ],
  actions: [
    { id: "accept-share", label: ({ $gettext }) => $gettext("Accept"), icon: Check, group: "open", order: 5, keys: "Enter", bar: true, ...making("accept", (s) => !s.accepted) },
    { id: "hide-share", label: ({ $gettext }) => $gettext("Hide"), icon: EyeOff, group: "share", order: 40, bar: true, ...making("hide", (s) => !s.hidden) },
    { id: "show-share", label: ({ $gettext }) => $gettext("Show again"), icon: Eye, group: "share", order: 41, bar: true, ...making("show", (s) => s.hidden) },
    { id: "decline-share", label: ({ $gettext }) => $gettext("Decline"), icon: X, group: "remove", order: 20, keys: "Delete", bar: true, ...making("decline", (s) => s.accepted) },
    {
      id: "copy-share-link", label: ({ $gettext }) => $gettext("Copy link"), icon: Link2, group: "share", order: 30, bar: true,
      applies: (c) => chosen(c).length > 0 && chosen(c).every((s) => s.links.length > 0),
      run: async (c) => (await import("./change")).copyLinks(c.app, chosen(c)),
    },
  ],
} satisfies Feature;
