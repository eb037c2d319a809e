import { Boxes } from "@lucide/vue";
import type { Feature } from "@/app/registry";

export default {
  routes: [{ path: "/files/spaces/projects", component: () => import("./SpacesPage.vue") }],
  nav: [{ id: "spaces", label: ({ $gettext }) => $gettext("Spaces"), icon: Boxes, order: 40, to: () => "/files/spaces/projects", active: (path) => /^\/files\/spaces\/project(s$|\/)/.test(path) }],
} satisfies Feature;
