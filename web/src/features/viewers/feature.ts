import { Eye } from "@lucide/vue";
import type { Feature } from "@/app/registry";
import { mayDownload } from "@/features/files/permissions";
import { kindOf, viewUrl } from "./kinds";

export default {
  routes: [{ path: "/view/:type(personal|project|share|public)/:alias/:path(.*)*", component: () => import("./ViewerPage.vue"), meta: { bare: true } }],
  openers: [
    {
      id: "viewer", label: ({ $gettext }) => $gettext("View"), icon: Eye, priority: 10,
      opens: (r) => !!kindOf(r) && mayDownload(r),
      to: (r, drive) => (drive ? viewUrl(drive, r) : `/f/${encodeURIComponent(r.id)}`),
    },
  ],
  keys: [
    { keys: ["←", "→"], label: ({ $gettext }) => $gettext("In a viewer: previous and next file") },
    { keys: ["+", "-", "0"], label: ({ $gettext }) => $gettext("In a picture: larger, smaller, whole") },
    { keys: ["R", "Shift+R"], label: ({ $gettext }) => $gettext("In a picture: turn right, left") },
    { keys: ["F"], label: ({ $gettext }) => $gettext("In a viewer: full screen") },
    { keys: ["Mod+S"], label: ({ $gettext }) => $gettext("In a text: save") },
  ],
} satisfies Feature;
