import { UserRound } from "@lucide/vue";
import type { Feature } from "@/app/registry";

export default {
  routes: [
    { path: "/account", redirect: "/account/information" },
    { path: "/account/:section(information|preferences|apps|gdpr)", props: true, component: () => import("./AccountPage.vue") },
  ],
  account: [{ id: "account", label: ({ $gettext }) => $gettext("Account"), icon: UserRound, order: 10, to: "/account/information" }],
} satisfies Feature;
