// Taking things out of the trash: to where they were, and if that is taken, as the person says.
import type { App } from "@/app/app";
import type { Trashed } from "@/api/dav";
import { is } from "@/api/http";
import { base, free, join, parent } from "@/api/path";
import ConflictDialog from "@/features/files/ConflictDialog.vue";
import type { Answer } from "@/features/files/operations";
import { refresh } from "@/features/files/queries";

/** restore takes items out of the trash one after the other, and makes folders that are gone. It returns those that are back, and those that failed; undefined as an answer leaves the rest. */
export async function restore(app: Pick<App, "dav" | "queries" | "dialogs">, items: readonly Trashed[]): Promise<{ done: Trashed[]; failed: { item: Trashed; error: unknown }[] }> {
  const done: Trashed[] = [];
  const failed: { item: Trashed; error: unknown }[] = [];
  let forAll: Answer | undefined;
  for (const [i, item] of items.entries()) {
    try {
      try {
        await back(app, item, item.path, false);
      } catch (e) {
        if (!is(e, 412)) throw e;
        const answer: Answer | undefined = forAll ?? (await app.dialogs.show<Answer>(ConflictDialog, { item, more: items.length - i - 1 }));
        if (!answer) break;
        if (answer.all) forAll = answer;
        if (answer.choice === "skip") continue;
        await back(app, item, answer.choice === "both" ? await elsewhere(app, item) : item.path, answer.choice === "replace");
      }
      done.push(item);
    } catch (error) {
      failed.push({ item, error });
    }
  }
  await refresh(app.queries, ...done.map((d) => ({ driveId: d.driveId, path: parent(d.path) })));
  return { done, failed };
}

async function back({ dav }: Pick<App, "dav">, item: Trashed, path: string, overwrite: boolean) {
  try {
    await dav.restore(item.driveId, item.key, path, overwrite);
  } catch (e) {
    if (!is(e, 409)) throw e;
    await folders(dav, item.driveId, parent(path));
    await dav.restore(item.driveId, item.key, path, overwrite);
  }
}

// folders makes a folder and those above it; those that are there answer 405.
async function folders(dav: App["dav"], driveId: string, path: string) {
  let at = "/";
  for (const name of path.split("/").filter(Boolean)) {
    at = join(at, name);
    await dav.mkcol({ driveId, path: at }).catch((e: unknown) => {
      if (!is(e, 405)) throw e;
    });
  }
}

async function elsewhere({ dav }: Pick<App, "dav">, item: Trashed): Promise<string> {
  const folder = parent(item.path);
  const { children } = await dav.list({ driveId: item.driveId, path: folder });
  return join(folder, free(base(item.path), new Set(children.map((c) => c.name)), item.folder));
}
