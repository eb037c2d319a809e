// What features add to the application. Each feature is a folder in src/features with a feature.ts that exports one Feature; they are
// found by themselves, so that none touches another.
import type { Component } from "vue";
import type { RouteRecordRaw } from "vue-router";
import type { Language } from "vue3-gettext";
import type { Drive } from "@/api/graph";
import type { Resource } from "@/api/resource";
import type { App } from "./app";

/** Texts is what translates. */
export type Texts = Pick<Language, "$gettext" | "$ngettext" | "$pgettext" | "$npgettext">;

/** Feature is what one folder of src/features contributes. All parts are optional. */
export interface Feature {
  routes?: RouteRecordRaw[];
  nav?: NavItem[];
  actions?: FileAction[];
  openers?: FileOpener[];
  panels?: SidebarPanel[];
  headers?: FolderHeader[];
  create?: CreateItem[];
  account?: AccountItem[];
  bars?: Component[]; // below every page
  overlays?: Component[]; // mounted once beside the pages, as the list of uploads
  keys?: KeyHelp[];
  receive?: Receiver[]; // takes what is dropped or pasted from outside
}

/** Receiver takes files from outside and tells whether it did. It must read `data` before it returns: later it is empty. */
export type Receiver = (c: Context, data: DataTransfer) => boolean;

/** NavItem is an entry of the navigation at the side. */
export interface NavItem {
  id: string;
  label: (t: Texts) => string;
  icon: Component;
  order: number;
  to: (app: App) => string;
  active: (path: string) => boolean;
  when?: (app: App) => boolean;
}

/** Where is the page that a list of files is shown on. */
export type Where = "files" | "favourites" | "shares" | "search";

/** Context is what an action works on: the chosen items, or with none the folder that is shown. */
export interface Context {
  app: App;
  where: Where;
  items: Resource[];
  folder?: Resource; // the folder shown, if the page shows one
  drive?: Drive;
  siblings: readonly Resource[]; // what is listed
}

/** FileAction is something to do with files: in the context menu, the bar above the list and by a key. */
export interface FileAction {
  id: string;
  label: (t: Texts, c: Context) => string;
  icon: Component;
  group: "open" | "share" | "edit" | "info" | "remove"; // menus part the groups by lines
  order: number; // within the group
  keys?: string; // as in shortcuts.ts: "Mod+C"
  embed?: boolean; // also in another page's frame, beside what chooses there
  bar?: boolean; // also in the bar above the list
  danger?: boolean;
  applies: (c: Context) => boolean;
  run: (c: Context) => void | Promise<void>;
}

/** FileOpener shows a kind of file on a page of its own. The one with the highest priority opens on a click. */
export interface FileOpener {
  id: string;
  label: (t: Texts) => string;
  icon: Component;
  priority: number;
  opens: (r: Resource, app: App) => boolean;
  to: (r: Resource, drive: Drive | undefined) => string; // the page's address
}

/** SidebarPanel is a part of the sidebar about what is chosen. */
export interface SidebarPanel {
  id: string; // also the value of ?details=
  label: (t: Texts) => string;
  icon: Component;
  order: number;
  applies: (c: Context) => boolean;
  component: Component; // gets { context: Context }; make it lazy by defineAsyncComponent
}

/** FolderHeader is shown above the list of a folder. */
export interface FolderHeader {
  id: string;
  applies: (c: Context) => boolean;
  component: Component; // gets { context: Context }, without items; make it lazy
}

/** CreateItem is an entry of the "New" menu. */
export interface CreateItem {
  id: string;
  label: (t: Texts) => string;
  icon: Component;
  order: number;
  applies: (c: Context) => boolean;
  run: (c: Context) => void | Promise<void>;
}

/** AccountItem is an entry of the menu behind the person's picture. */
export interface AccountItem {
  id: string;
  label: (t: Texts) => string;
  icon: Component;
  order: number;
  when?: (app: App) => boolean;
  to: string;
}

/** KeyHelp is a line of the help about keys. */
export interface KeyHelp {
  keys: string[];
  label: (t: Texts) => string;
}

/** Registry is everything that features contribute, in order. */
export type Registry = { [K in keyof Required<Feature>]: NonNullable<Feature[K]> };

/** gather puts the parts of features together. */
export function gather(features: Feature[]): Registry {
  const order = <T extends { order: number }>(list: T[]) => list.sort((a, b) => a.order - b.order);
  const groups: FileAction["group"][] = ["open", "share", "edit", "info", "remove"];
  return {
    routes: features.flatMap((f) => f.routes ?? []),
    nav: order(features.flatMap((f) => f.nav ?? [])),
    actions: order(features.flatMap((f) => f.actions ?? [])).sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group)),
    openers: features.flatMap((f) => f.openers ?? []).sort((a, b) => b.priority - a.priority),
    panels: order(features.flatMap((f) => f.panels ?? [])),
    headers: features.flatMap((f) => f.headers ?? []),
    create: order(features.flatMap((f) => f.create ?? [])),
    account: order(features.flatMap((f) => f.account ?? [])),
    bars: features.flatMap((f) => f.bars ?? []),
    overlays: features.flatMap((f) => f.overlays ?? []),
    keys: features.flatMap((f) => f.keys ?? []),
    receive: features.flatMap((f) => f.receive ?? []),
  };
}
