import { Trash2 } from "@lucide/vue";
import type { Feature } from "@/app/registry";

export default {
  routes: [
    { path: "/files/trash", redirect: "/files/trash/overview" },
    { path: "/files/trash/:alias+", component: () => import("./TrashPage.vue") }, // "overview" shows the person's own
  ],
  nav: [
    { id: "trash", label: ({ $gettext }) => $gettext("Deleted files"), icon: Trash2, order: 50, to: () => "/files/trash/overview", active: (path) => path.startsWith("/files/trash"), when: (app) => app.capabilities.value?.files?.undelete !== false },
  ],
} satisfies Feature;
