import { Boxes } from "@lucide/vue";
import { defineAsyncComponent } from "vue";
import type { Feature } from "@/app/registry";

export default {
  routes: [{ path: "/files/spaces/projects", component: () => import("./SpacesPage.vue") }],
  nav: [
    { id: "spaces", label: ({ $gettext }) => $gettext("Spaces"), icon: Boxes, order: 40, to: () => "/files/spaces/projects", active: (path) => path.startsWith("/files/spaces/project"), when: (app) => app.capabilities.value?.spaces?.projects !== false },
  ],
  headers: [{ id: "space", applies: ({ drive, folder }) => drive?.driveType === "project" && folder?.path === "/", component: defineAsyncComponent(() => import("./SpaceHeader.vue")) }],
  panels: [
    {
      id: "space", label: ({ $gettext }) => $gettext("Space"), icon: Boxes, order: 5, component: defineAsyncComponent(() => import("./SpacePanel.vue")),
      applies: ({ items, drive }) => drive?.driveType === "project" && items.length === 1 && items[0]?.path === "/",
    },
  ],
} satisfies Feature;
