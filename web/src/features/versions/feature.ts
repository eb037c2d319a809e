import { History } from "@lucide/vue";
import { defineAsyncComponent } from "vue";
import type { Feature } from "@/app/registry";
import { mayDownload } from "@/features/files/permissions";

export default {
  panels: [
    {
      id: "versions", label: ({ $gettext }) => $gettext("Versions"), icon: History, order: 40, component: defineAsyncComponent(() => import("./VersionsPanel.vue")),
      applies: ({ items: [one, ...more], app }) => !!one && !more.length && !one.folder && mayDownload(one) && app.capabilities.value?.files?.versioning !== false,
    },
  ],
} satisfies Feature;
