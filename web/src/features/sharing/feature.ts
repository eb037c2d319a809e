import { Link2, UserPlus } from "@lucide/vue";
import { defineAsyncComponent } from "vue";
import { can } from "@/app/app";
import type { Context, Feature } from "@/app/registry";

const one = (c: Context) => c.items.length === 1;
// A personal space as a whole is its owner's alone; what is in it can be shared.
const shareable = (c: Context) => one(c) && !(c.items[0]?.path === "/" && c.drive?.driveType === "personal") && c.app.capabilities.value?.files_sharing?.api_enabled !== false;
const linkable = (c: Context) => shareable(c) && c.app.capabilities.value?.files_sharing?.public?.enabled !== false;
const resharable = (c: Context) => !!c.items[0]?.permissions.includes("R");

// share shows the panel and brings the keys to where a name is typed.
async function share(c: Context) {
  const { query, path } = c.app.router.currentRoute.value;
  await c.app.router.replace({ path, query: { ...query, details: "sharing" }, state: { focus: true } });
  document.querySelector<HTMLElement>("aside [role=combobox]")?.focus(); // if it is there already
}

export default {
  panels: [
    { id: "sharing", label: ({ $gettext }) => $gettext("People"), icon: UserPlus, order: 20, applies: shareable, component: defineAsyncComponent(() => import("./PeoplePanel.vue")) },
    { id: "links", label: ({ $gettext }) => $gettext("Links"), icon: Link2, order: 30, applies: linkable, component: defineAsyncComponent(() => import("./LinksPanel.vue")) },
  ],
  actions: [
    { id: "share", label: ({ $gettext }) => $gettext("Share"), icon: UserPlus, group: "share", order: 10, keys: "S", bar: true, applies: (c) => shareable(c) && resharable(c), run: share },
    {
      id: "quick-link", label: ({ $gettext }) => $gettext("Copy link for everybody"), icon: Link2, group: "share", order: 20,
      applies: (c) => linkable(c) && resharable(c) && can(c.app, "PublicLink.Write.all"),
      run: async (c) => {
        const [item] = c.items;
        if (item) await (await import("./make")).copyQuick(c.app, item);
      },
    },
    {
      id: "share-links", label: ({ $gettext }) => $gettext("Share links"), icon: Link2, group: "share", order: 30, embed: true,
      applies: (c) => c.app.embed?.target === "resources" && c.items.length > 0 && c.items.every((i) => linkable({ ...c, items: [i] }) && i.permissions.includes("R")) && can(c.app, "PublicLink.Write.all"),
      run: async (c) => (await import("./make")).tellLinks(c.app, c.items),
    },
  ],
} satisfies Feature;
