import { Settings } from "@lucide/vue";
import type { Feature } from "@/app/registry";
import { sections } from "./access";

export default {
  routes: [{ path: "/admin-settings/:section(users|groups|spaces|general)?", props: true, component: () => import("./AdminPage.vue") }],
  account: [{ id: "admin", label: ({ $gettext }) => $gettext("Administration"), icon: Settings, order: 20, when: (app) => sections(app).length > 0, to: "/admin-settings" }],
} satisfies Feature;
