import type { App } from "@/app/app";
import type { Trashed } from "@/api/dav";
import { is } from "@/api/http";
import { base, free, join, parent } from "@/api/path";
import { pool, type Answer } from "@/features/files/operations";
import { names, refresh } from "@/features/files/queries";

/** restore puts things back where they were. Folders that are gone are made again; `ask` is called where a name is taken. */
export async function restore(app: App, items: Trashed[], ask: (item: Trashed, more: number) => Promise<Answer | undefined>): Promise<void> {
  const { $gettext, $ngettext } = app.language;
  let done = 0;
  let always: Answer | undefined;
  for (const [i, item] of items.entries()) {
    try {
      await one(item);
      done++;
    } catch (e) {
      if (!is(e, 412)) {
        app.toasts.error($gettext("“%{name}” could not be restored.", { name: item.name }), e);
        continue;
      }
      const answer = always ?? (await ask(item, items.length - i - 1));
      if (!answer) break;
      if (answer.all) always = answer;
      if (answer.choice === "skip") continue;
      await again(item, answer).then(() => done++, (error: unknown) => app.toasts.error($gettext("“%{name}” could not be restored.", { name: item.name }), error));
    }
  }
  await refresh(app.queries, ...items.map((t) => ({ driveId: t.driveId, path: parent(t.path) })));
  if (done) app.toasts.info($ngettext("%{n} item was restored.", "%{n} items were restored.", done, { n: `${done}` }));

  async function one(item: Trashed) {
    try {
      await app.dav.restore(item.driveId, item.key, item.path);
    } catch (e) {
      if (!is(e, 409)) throw e;
      await mkdirs(item.driveId, parent(item.path));
      await app.dav.restore(item.driveId, item.key, item.path);
    }
  }
  async function again(item: Trashed, answer: Answer) {
    if (answer.choice === "replace") return app.dav.restore(item.driveId, item.key, item.path, true);
    const at = { driveId: item.driveId, path: parent(item.path) };
    return app.dav.restore(item.driveId, item.key, join(at.path, free(base(item.path), await names(app, at), item.folder)));
  }
  async function mkdirs(driveId: string, path: string): Promise<void> {
    if (path === "/") return;
    await mkdirs(driveId, parent(path));
    await app.dav.mkcol({ driveId, path }).catch((e: unknown) => {
      if (!is(e, 405)) throw e; // there already
    });
  }
}

/** purge deletes for good, without a list everything. */
export async function purge(app: App, driveId: string, items?: Trashed[]): Promise<void> {
  const { $gettext } = app.language;
  const failed = items ? await pool(items, (t) => app.dav.purge(driveId, t.key)) : await pool([driveId], (d) => app.dav.purge(d));
  if (failed[0]) app.toasts.error($gettext("Not everything could be deleted."), failed[0].error);
  else app.toasts.info($gettext("Deleted for good."));
}
