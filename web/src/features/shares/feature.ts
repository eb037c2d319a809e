import { Share2 } from "@lucide/vue";
import type { Feature } from "@/app/registry";

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
} satisfies Feature;
