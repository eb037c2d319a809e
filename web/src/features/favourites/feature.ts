import { Star } from "@lucide/vue";
import type { Feature } from "@/app/registry";

export default {
  routes: [{ path: "/files/favorites", component: () => import("./FavouritesPage.vue") }],
  nav: [{ id: "favourites", label: ({ $gettext }) => $gettext("Favourites"), icon: Star, order: 20, to: () => "/files/favorites", active: (path) => path === "/files/favorites" }],
} satisfies Feature;
