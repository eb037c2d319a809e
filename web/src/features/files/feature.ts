import { Folder } from "@lucide/vue";
import { defineAsyncComponent } from "vue";
import type { Feature } from "@/app/registry";
import { actions } from "./actions";
import { create } from "./create";
import FilesPage from "./FilesPage.vue"; // not lazy: it is what most people come for
import HomePage from "./HomePage.vue";
import { folderUrl } from "./location";
import { readmeOf } from "./readme";

export default {
  routes: [
    { path: "/", component: HomePage },
    { path: "/files", redirect: "/" },
    { path: "/files/spaces/:type(personal|project|share)/:alias/:path(.*)*", name: "files", component: FilesPage },
    { path: "/f/:fileId", component: HomePage },
  ],
  nav: [
    {
      id: "personal", label: ({ $gettext }) => $gettext("Personal"), icon: Folder, order: 10,
      to: ({ drives }) => {
        const own = drives.value?.find((d) => d.driveType === "personal");
        return own ? folderUrl(own, "/") : "/";
      },
      active: (path) => path.startsWith("/files/spaces/personal/"),
    },
  ],
  headers: [{ id: "readme", applies: (c) => !!readmeOf(c), component: defineAsyncComponent(() => import("./ReadmeHeader.vue")) }],
  actions,
  create,
  keys: [
    { keys: ["Mod+A"], label: ({ $gettext }) => $gettext("Select all") },
    { keys: ["Space"], label: ({ $gettext }) => $gettext("Select or unselect") },
    { keys: ["Shift+↑", "Shift+↓"], label: ({ $gettext }) => $gettext("Select several") },
    { keys: ["Backspace"], label: ({ $gettext }) => $gettext("To the folder above") },
    { keys: ["Escape"], label: ({ $gettext }) => $gettext("Clear selection") },
    { keys: ["N"], label: ({ $gettext }) => $gettext("New folder") },
  ],
} satisfies Feature;
