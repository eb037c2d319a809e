import { FilePlus2, FolderPlus } from "@lucide/vue";
import type { Context, CreateItem } from "@/app/registry";
import { child } from "@/api/dav";
import { is } from "@/api/http";
import { free } from "@/api/path";
import { place } from "./location";
import NameDialog from "./NameDialog.vue";
import { mayCreate } from "./permissions";
import { refresh } from "./queries";

const within = (c: Context) => c.where === "files" && mayCreate(c.folder);

/** named asks for a name and makes something of it in the folder that is shown. It returns the name, or undefined if nothing was made. */
export async function named(c: Context, title: string, initial: string, make: (name: string) => Promise<unknown>, folder = false): Promise<string | undefined> {
  const { app, folder: at } = c;
  if (!at) return undefined;
  const { $gettext } = app.language;
  const taken = new Set(c.siblings.map((s) => s.name));
  const name = await app.dialogs.show<string>(NameDialog, { title, initial: free(initial, taken, folder), taken, action: $gettext("Create") });
  if (!name) return undefined;
  try {
    await make(name);
  } catch (e) {
    if (is(e, 405, 412)) app.toasts.error($gettext("This name is taken."));
    else app.toasts.error($gettext("“%{name}” could not be created.", { name }), e);
    return undefined;
  } finally {
    await refresh(app.queries, place(at));
  }
  return name;
}

/** create is what the "New" menu offers everywhere. */
export const create: CreateItem[] = [
  {
    id: "folder", label: ({ $gettext }) => $gettext("Folder"), icon: FolderPlus, order: 10, applies: within,
    run: async (c) => {
      const { $gettext } = c.app.language;
      const at = c.folder;
      if (at) await named(c, $gettext("New folder"), $gettext("New folder"), (name) => c.app.dav.mkcol(child(place(at), name)), true);
    },
  },
  {
    id: "text", label: ({ $gettext }) => $gettext("Text file"), icon: FilePlus2, order: 20, applies: within,
    run: async (c) => {
      const { $gettext } = c.app.language;
      const at = c.folder;
      if (at) await named(c, $gettext("New text file"), $gettext("New file") + ".txt", (name) => c.app.dav.put(child(place(at), name), "", { create: true, mime: "text/plain" }));
    },
  },
];
