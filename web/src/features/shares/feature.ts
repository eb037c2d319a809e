import { Users } from "@lucide/vue";
import type { Feature } from "@/app/registry";

export default {
  routes: [
    { path: "/files/shares", redirect: "/files/shares/with-me" },
    { path: "/files/shares/with-me", component: () => import("./WithMePage.vue") },
  ],
  nav: [{ id: "shares", label: ({ $gettext }) => $gettext("Shares"), icon: Users, order: 30, to: () => "/files/shares/with-me", active: (path) => path.startsWith("/files/shares") || path.startsWith("/files/spaces/share/") }],
} satisfies Feature;
