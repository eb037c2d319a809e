import { createRouter, createWebHistory, type Router, type RouteRecordRaw } from "vue-router";
import NotFoundPage from "./NotFoundPage.vue";

declare module "vue-router" {
  interface RouteMeta {
    bare?: boolean; // without top bar and navigation
  }
}

/** createRoutes makes the router of all features' pages. */
export function createRoutes(routes: RouteRecordRaw[]): Router {
  return createRouter({
    history: createWebHistory("/"),
    routes: [
      { path: "/oidc-callback.html", redirect: "/" },
      { path: "/login", redirect: "/" },
      { path: "/logout", component: () => import("./SignedOutPage.vue"), meta: { bare: true } },
      { path: "/access-denied", component: () => import("./SignedOutPage.vue"), props: { denied: true }, meta: { bare: true } },
      ...routes,
      { path: "/:rest(.*)*", component: NotFoundPage },
    ],
  });
}
