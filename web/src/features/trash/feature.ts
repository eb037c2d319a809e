import { Trash2 } from "@lucide/vue";
import type { Feature } from "@/app/registry";

export default {
  routes: [
    { path: "/files/trash/overview", redirect: "/files/trash" },
    { path: "/files/trash/:type?/:alias?", component: () => import("./TrashPage.vue") },
  ],
  nav: [{ id: "trash", label: ({ $gettext }) => $gettext("Trash"), icon: Trash2, order: 90, to: () => "/files/trash", active: (path) => path.startsWith("/files/trash") }],
} satisfies Feature;
