import { Trash2 } from "@lucide/vue";
import type { Feature } from "@/app/registry";
import { bins } from "./bins";

export default {
  routes: [
    { path: "/files/trash/overview", component: () => import("./BinsPage.vue") },
    { path: "/files/trash/:type?/:alias?", component: () => import("./TrashPage.vue") },
  ],
  nav: [{ id: "trash", label: ({ $gettext }) => $gettext("Trash"), icon: Trash2, order: 90, to: (app) => (bins(app.drives.value).length > 1 ? "/files/trash/overview" : "/files/trash"), active: (path) => path.startsWith("/files/trash") }],
} satisfies Feature;
