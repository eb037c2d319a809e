import { Trash2 } from "@lucide/vue";
import { LinkDav } from "@/api/link";
import type { Feature } from "@/app/registry";
import { mayDelete } from "@/features/files/permissions";

const page = () => import("./LinkPage.vue");

export default {
  routes: [
    { path: "/s/:alias/:path(.*)*", component: page, meta: { bare: true } },
    { path: "/files/link/:alias/:path(.*)*", component: page, meta: { bare: true } },
    { path: "/files/upload/:alias", component: page, meta: { bare: true } },
    // Where lists of files lead to, as in every space.
    { path: "/files/spaces/:type(public)/:alias/:path(.*)*", component: page, meta: { bare: true } },
  ],
  actions: [
    {
      id: "delete-for-good", label: ({ $gettext }) => $gettext("Delete"), icon: Trash2, group: "remove", order: 10, keys: "Delete", bar: true, danger: true,
      applies: (c) => c.app.dav instanceof LinkDav && c.items.length > 0 && c.items.every(mayDelete),
      run: async (c) => (await import("./remove")).remove(c.app, c.items),
    },
  ],
} satisfies Feature;
