import type { App } from "@/app/app";
import { child, type Place, type Trashed } from "@/api/dav";
import { is } from "@/api/http";
import { base, free, parent } from "@/api/path";
import type { Resource } from "@/api/resource";
import type { Answer, Arrival, Way } from "@/features/files/conflicts";
import { place } from "@/features/files/location";
import { carry, plan, pool } from "@/features/files/operations";
import { names, refresh } from "@/features/files/queries";

/** restore puts things back where they were. Folders that are gone are made again; `ask` is called where a name is taken. */
export async function restore(app: App, items: Trashed[], ask: (item: Arrival, more: number, ways: Way[]) => Promise<Answer | undefined>): Promise<void> {
  const { $gettext, $ngettext } = app.language;
  let done = 0;
  const always = new Map<string, Answer>(); // by kind
  const shown = app.toasts.work($ngettext("Restoring %{n} item…", "Restoring %{n} items…", items.length, { n: `${items.length}` }));
  for (const [i, item] of items.entries()) {
    shown.at(i / items.length);
    try {
      if (await one(item).catch((e: unknown) => (is(e, 412) ? meet(item, items.length - i - 1) : Promise.reject(e)))) done++;
    } catch (e) {
      if (e instanceof GivenUp) break;
      app.toasts.error($gettext("“%{name}” could not be restored.", { name: item.name }), e);
    }
  }
  shown.end();
  await refresh(app.queries, ...items.map((t) => ({ driveId: t.driveId, path: parent(t.path) })));
  if (done) app.toasts.info($ngettext("%{n} item was restored.", "%{n} items were restored.", done, { n: `${done}` }));

  async function one(item: Trashed): Promise<boolean> {
    try {
      await app.dav.restore(item.driveId, item.key, item.path);
    } catch (e) {
      if (!is(e, 409)) throw e;
      await mkdirs(item.driveId, parent(item.path));
      await app.dav.restore(item.driveId, item.key, item.path);
    }
    return true;
  }
  // meet asks what is to be done about a taken name, and does it; false if it is skipped.
  async function meet(item: Trashed, more: number): Promise<boolean> {
    const to = { driveId: item.driveId, path: item.path };
    const ways: Way[] = item.folder && (await app.dav.stat(to)).folder ? ["merge", "replace"] : ["replace"];
    const kind = [item.folder, ...ways].join();
    const answer = always.get(kind) ?? (await ask(item, more, ways));
    if (!answer) throw new GivenUp();
    if (answer.all) always.set(kind, answer);
    if (answer.choice === "skip") return false;
    if (answer.choice === "replace") {
      await app.dav.restore(item.driveId, item.key, item.path, true);
      return true;
    }
    const above = { driveId: item.driveId, path: parent(item.path) };
    const beside = child(above, free(base(item.path), await names(app, above), item.folder));
    await app.dav.restore(item.driveId, item.key, beside.path);
    if (answer.choice === "merge") await merge(await app.dav.stat(beside), to);
    return true;
  }
  // merge empties a folder that was restored beside another into that. What is skipped goes into the trash again.
  async function merge(from: Resource, to: Place) {
    const planned = await plan(app, [], to, ask, [{ from, to }]);
    const emptied = planned ? (await carry(app, "move", planned)).emptied : [];
    if (!emptied.includes(from)) await app.dav.remove(place(from));
    if (!planned) throw new GivenUp();
  }
  async function mkdirs(driveId: string, path: string): Promise<void> {
    if (path === "/") return;
    await mkdirs(driveId, parent(path));
    await app.dav.mkcol({ driveId, path }).catch((e: unknown) => {
      if (!is(e, 405)) throw e; // there already
    });
  }
}

// GivenUp is a question that was closed.
class GivenUp extends Error {}

/** purge deletes for good, without a list everything. */
export async function purge(app: App, driveId: string, items?: Trashed[]): Promise<void> {
  const { $gettext } = app.language;
  const failed = items ? await pool(items, (t) => app.dav.purge(driveId, t.key)) : await pool([driveId], (d) => app.dav.purge(d));
  if (failed[0]) app.toasts.error($gettext("Not everything could be deleted."), failed[0].error);
  else app.toasts.info($gettext("Deleted for good."));
}
