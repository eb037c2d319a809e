import { is } from "@/api/http";
import { parent } from "@/api/path";
import type { Resource } from "@/api/resource";
import type { App } from "@/app/app";
import { place } from "@/features/files/location";
import { pool } from "@/features/files/operations";
import { refresh } from "@/features/files/queries";
import ConfirmDialog from "@/ui/ConfirmDialog.vue";

/** remove deletes by a link, after asking: visitors have no trash to take it back from. */
export async function remove(app: App, items: Resource[]): Promise<void> {
  const { $gettext, $ngettext } = app.language;
  const title = items.length === 1 ? $gettext("Delete “%{name}”?", { name: items[0]?.name ?? "" }) : $ngettext("Delete %{n} item?", "Delete %{n} items?", items.length, { n: `${items.length}` });
  if (!(await app.dialogs.show<true>(ConfirmDialog, { title, text: $gettext("You cannot undo this here; who shared the folder can."), action: $gettext("Delete") }))) return;
  const failed = await pool(items, (i) => app.dav.remove(place(i)).catch((e: unknown) => {
    if (!is(e, 404)) throw e; // gone already
  }));
  await refresh(app.queries, ...items.map((i) => ({ driveId: i.driveId, path: parent(i.path) })));
  if (failed[0]) app.toasts.error($gettext("Not everything could be deleted."), failed[0].error);
}
