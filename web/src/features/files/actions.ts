import { ArrowRight, ClipboardPaste, Copy, CopyPlus, Download, FolderInput, FolderOpen, Info, Link, Pencil, Scissors, Star, StarOff, Trash2 } from "@lucide/vue";
import type { Context, FileAction } from "@/app/registry";
import { parent, within } from "@/api/path";
import type { Resource } from "@/api/resource";
import type { Verdict } from "./FolderPicker.vue";
import { folderUrl, place } from "./location";
import { download, favour, remove, transfer } from "./operations";
import { mayCreate, mayDelete, mayDownload, mayMove, mayRename } from "./permissions";
import { useFiles } from "./store";

const some = (c: Context, may: (r: Context["items"][number]) => boolean) => c.items.length > 0 && c.items.every(may);

/** open does what Enter does. */
export const open = (c: Context): void | Promise<void> => c.app.registry.actions.find((a) => a.keys === "Enter" && a.applies(c))?.run(c);

// show leads to a folder, or to a file in what opens it; what nothing opens is downloaded.
async function show(c: Context): Promise<void> {
  const [item] = c.items;
  if (!item) return;
  if (c.app.embed && !item.folder) return useFiles().pick?.(item);
  const to = openUrl(c);
  if (to) await c.app.router.push(to);
  else await download(c.app, [item]);
}

/** openUrl is the address that opening leads to, if it leads to a page. */
export function openUrl({ app, items: [item], drive }: Pick<Context, "app" | "items" | "drive">): string | undefined {
  if (!item) return undefined;
  const home = drive ?? app.drives.value?.find((d) => d.id === item.driveId);
  if (item.folder) return home ? folderUrl(home, item.path, item.id) : `/f/${encodeURIComponent(item.id)}`;
  return app.registry.openers.find((o) => o.opens(item, app))?.to(item, home);
}

// put lets the person pick a folder, and copies or moves what is chosen there.
async function put(c: Context, wanted: "copy" | "move") {
  const { default: FolderPicker } = await import("./FolderPicker.vue");
  const { app, items } = c;
  const { $gettext, $ngettext } = app.language;
  const [first] = items;
  const n = { n: `${items.length}` };
  const start = c.folder ? place(c.folder) : first && app.drives.value?.some((d) => d.id === first.driveId) ? { driveId: first.driveId, path: parent(first.path) } : undefined;
  const judge = (to: Resource): Verdict => {
    const action = wanted === "copy" || items.some((i) => i.driveId !== to.driveId) ? $gettext("Copy here") : $gettext("Move here");
    const inside = items.some((i) => i.folder && i.driveId === to.driveId && within(to.path, i.path));
    if (inside) return { action, hint: $gettext("A folder cannot be put into itself."), refused: true };
    if (wanted === "copy") return { action };
    if (items.every((i) => i.driveId === to.driveId && parent(i.path) === to.path)) return { action, hint: $gettext("It is here already."), refused: true };
    return items.some((i) => i.driveId !== to.driveId) ? { action, hint: $gettext("Between spaces it is copied, and stays where it is.") } : { action };
  };
  const title = wanted === "copy"
    ? items.length === 1 ? $gettext("Copy “%{name}” to…", { name: first?.name ?? "" }) : $ngettext("Copy %{n} item to…", "Copy %{n} items to…", items.length, n)
    : items.length === 1 ? $gettext("Move “%{name}” to…", { name: first?.name ?? "" }) : $ngettext("Move %{n} item to…", "Move %{n} items to…", items.length, n);
  const to = await app.dialogs.show<Resource>(FolderPicker, { app, title, judge, ...(start ? { start } : {}) });
  if (to) await transfer(app, wanted, items, place(to));
}

/** actions are what every list of files offers. */
export const actions: FileAction[] = [
  {
    id: "open", label: ({ $gettext }) => $gettext("Open"), icon: FolderOpen, group: "open", order: 10, keys: "Enter",
    applies: (c) => c.items.length === 1, run: show,
  },
  {
    id: "show-in-folder", label: ({ $gettext }) => $gettext("Show in its folder"), icon: ArrowRight, group: "open", order: 20,
    applies: (c) => c.items.length === 1 && c.where !== "files" && !!c.items[0]?.parentId,
    run: (c) => void c.app.router.push(`/f/${encodeURIComponent(c.items[0]?.parentId ?? "")}`),
  },
  {
    id: "download", label: ({ $gettext }) => $gettext("Download"), icon: Download, group: "open", order: 30, bar: true,
    applies: (c) => some(c, mayDownload), run: (c) => download(c.app, c.items),
  },
  {
    id: "copy-link", label: ({ $gettext }) => $gettext("Copy permanent link"), icon: Link, group: "share", order: 90,
    applies: (c) => c.items.length === 1 && !!c.items[0]?.privateLink,
    run: async (c) => {
      await navigator.clipboard.writeText(c.items[0]?.privateLink ?? "");
      c.app.toasts.info(c.app.language.$gettext("The link was copied."));
    },
  },
  {
    id: "cut", label: ({ $gettext }) => $gettext("Cut"), icon: Scissors, group: "edit", order: 10, keys: "Mod+X", bar: true,
    applies: (c) => some(c, mayMove),
    run: (c) => {
      useFiles().clipboard = { items: [...c.items], cut: true };
      c.app.toasts.info(c.app.language.$ngettext("%{n} item is cut and can be pasted.", "%{n} items are cut and can be pasted.", c.items.length, { n: `${c.items.length}` }));
    },
  },
  {
    id: "copy", label: ({ $gettext }) => $gettext("Copy"), icon: Copy, group: "edit", order: 20, keys: "Mod+C", bar: true,
    applies: (c) => some(c, mayDownload),
    run: (c) => {
      useFiles().clipboard = { items: [...c.items], cut: false };
      c.app.toasts.info(c.app.language.$ngettext("%{n} item is copied and can be pasted.", "%{n} items are copied and can be pasted.", c.items.length, { n: `${c.items.length}` }));
    },
  },
  {
    id: "paste", label: ({ $gettext }) => $gettext("Paste"), icon: ClipboardPaste, group: "edit", order: 30, keys: "Mod+V",
    applies: (c) => !!useFiles().clipboard && c.where === "files" && mayCreate(target(c)),
    run: async (c) => {
      const store = useFiles();
      const [clip, to] = [store.clipboard, target(c)];
      if (!clip || !to) return;
      if (clip.cut) store.clipboard = undefined;
      await transfer(c.app, clip.cut ? "move" : "copy", clip.items, place(to));
    },
  },
  {
    id: "move-to", label: ({ $gettext }) => $gettext("Move to…"), icon: FolderInput, group: "edit", order: 32,
    applies: (c) => some(c, mayMove), run: (c) => put(c, "move"),
  },
  {
    id: "copy-to", label: ({ $gettext }) => $gettext("Copy to…"), icon: CopyPlus, group: "edit", order: 34,
    applies: (c) => some(c, mayDownload), run: (c) => put(c, "copy"),
  },
  {
    id: "rename", label: ({ $gettext }) => $gettext("Rename"), icon: Pencil, group: "edit", order: 40, keys: "F2",
    applies: (c) => c.items.length === 1 && some(c, mayRename), run: (c) => void (useFiles().renaming = c.items[0]?.id),
  },
  {
    id: "favourite", label: ({ $gettext }) => $gettext("Add to favourites"), icon: Star, group: "info", order: 10, bar: true,
    applies: (c) => c.items.some((i) => !i.favourite), run: (c) => favour(c.app, c.items.filter((i) => !i.favourite), true),
  },
  {
    id: "unfavourite", label: ({ $gettext }) => $gettext("Remove from favourites"), icon: StarOff, group: "info", order: 11, bar: true,
    applies: (c) => some(c, (i) => i.favourite), run: (c) => favour(c.app, c.items, false),
  },
  {
    id: "details", label: ({ $gettext }) => $gettext("Details"), icon: Info, group: "info", order: 20, keys: "I",
    applies: (c) => c.items.length <= 1,
    run: (c) => {
      const { query, path } = c.app.router.currentRoute.value;
      void c.app.router.replace({ path, query: { ...query, details: query.details ? undefined : "details" } });
    },
  },
  {
    id: "delete", label: ({ $gettext }) => $gettext("Delete"), icon: Trash2, group: "remove", order: 10, keys: "Delete", bar: true, danger: true,
    applies: (c) => some(c, mayDelete), run: (c) => remove(c.app, c.items),
  },
];

// target is where to paste: into the one folder that is chosen, or the folder that is shown.
function target(c: Context) {
  const [one] = c.items;
  return c.items.length === 1 && one?.folder ? one : c.folder;
}
