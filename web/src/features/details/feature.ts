import { Info } from "@lucide/vue";
import { defineAsyncComponent } from "vue";
import type { Feature } from "@/app/registry";

export default {
  panels: [
    { id: "details", label: ({ $gettext }) => $gettext("Details"), icon: Info, order: 10, applies: () => true, component: defineAsyncComponent(() => import("./DetailsPanel.vue")) },
  ],
} satisfies Feature;
