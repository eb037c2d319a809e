// What is done with files: each tells the person what happened, and offers to take it back where that is possible.
import type { App } from "@/app/app";
import { archiver, capabilities } from "@/api/capabilities";
import { child, type Place } from "@/api/dav";
import { is } from "@/api/http";
import { free, parent, within } from "@/api/path";
import type { Resource } from "@/api/resource";
import ConflictDialog from "./ConflictDialog.vue";
import { place } from "./location";
import { edit, names, refresh } from "./queries";

const parallel = 4;

/** Answer is what to do with something whose name is taken. */
export interface Answer {
  choice: "skip" | "both" | "replace";
  all: boolean; // for all that follow of its kind
}

/** Replacing is what becomes of what has the name: it is replaced, or (folders) filled up, or it cannot be replaced. */
export type Replacing = "replace" | "merge" | "never";

/** Step is one thing to copy or move. */
export interface Step {
  item: Resource;
  to: string; // name at the target
  overwrite: boolean;
}

/** plan decides the names at the target. `ask` is called for each that is taken, until an answer is for all; undefined from it gives up everything. */
export async function plan(items: Resource[], taken: Set<string>, ask: (item: Resource, more: number) => Promise<Answer | undefined>): Promise<Step[] | undefined> {
  const used = new Set(taken);
  const steps: Step[] = [];
  const forAll = new Map<boolean, Answer>(); // files and folders apart
  const open = new Map([true, false].map((folder) => [folder, items.filter((i) => i.folder === folder && taken.has(i.name)).length]));
  for (const item of items) {
    let answer: Answer | undefined;
    if (used.has(item.name)) {
      open.set(item.folder, (open.get(item.folder) ?? 1) - 1);
      answer = forAll.get(item.folder) ?? (await ask(item, Math.max(open.get(item.folder) ?? 0, 0)));
      if (!answer) return undefined;
      if (answer.all) forAll.set(item.folder, answer);
      if (answer.choice === "skip") continue;
    }
    const to = answer?.choice === "both" ? free(item.name, used, item.folder) : item.name;
    used.add(to);
    steps.push({ item, to, overwrite: answer?.choice === "replace" });
  }
  return steps;
}

/** pool runs a task for each item, a few at once, and returns those that failed. */
export async function pool<T>(items: readonly T[], task: (item: T) => Promise<unknown>): Promise<{ item: T; error: unknown }[]> {
  const failed: { item: T; error: unknown }[] = [];
  const rest = [...items];
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
        try {
          await task(item);
        } catch (error) {
          failed.push({ item, error });
        }
      }
    }),
  );
  return failed;
}

/** transfer copies or moves items into a folder. Copies into their own folder get new names. */
export async function transfer(app: App, wanted: "copy" | "move", items: Resource[], to: Place): Promise<void> {
  const { $gettext, $ngettext } = app.language;
  // Between spaces things are copied and the originals stay: the others there may rely on them.
  const kind = items.some((i) => i.driveId !== to.driveId) ? "copy" : wanted;
  const able = items.filter((i) => !(i.folder && i.driveId === to.driveId && within(to.path, i.path)) && !(kind === "move" && i.driveId === to.driveId && parent(i.path) === to.path));
  if (able.length < items.length && items.some((i) => i.folder && i.driveId === to.driveId && within(to.path, i.path))) app.toasts.error($gettext("A folder cannot be put into itself."));
  if (able.length === 0) return;
  let steps: Step[] | undefined;
  try {
    const taken = await names(app, to);
    const here = (i: Resource) => i.driveId === to.driveId && parent(i.path) === to.path;
    steps = await plan(able, taken, (item, more) => (here(item) ? Promise.resolve({ choice: "both", all: false }) : app.dialogs.show<Answer>(ConflictDialog, { item, more })));
  } catch (e) {
    app.toasts.error($gettext("The folder could not be read."), e);
    return;
  }
  if (!steps?.length) return;
  const failed = await pool(steps, (s) => app.dav[kind](place(s.item), child(to, s.to), s.overwrite));
  const sources = new Map(steps.map((s) => [s.item.driveId + parent(s.item.path), { driveId: s.item.driveId, path: parent(s.item.path) }]));
  await refresh(app.queries, to, ...(kind === "move" ? sources.values() : []));
  const done = steps.filter((s) => !failed.some((f) => f.item === s));
  report(app, failed.map(({ item, error }) => ({ name: item.item.name, error })), kind === "copy" ? $gettext("Not everything could be copied.") : $gettext("Not everything could be moved."));
  const [first] = done;
  if (!first) return;
  const back = kind === "move" && done.every((s) => !s.overwrite);
  app.toasts.info(
    done.length === 1
      ? kind === "copy" ? $gettext("“%{name}” was copied.", { name: first.to }) : $gettext("“%{name}” was moved.", { name: first.to })
      : kind === "copy" ? $ngettext("%{n} item was copied.", "%{n} items were copied.", done.length, { n: `${done.length}` }) : $ngettext("%{n} item was moved.", "%{n} items were moved.", done.length, { n: `${done.length}` }),
    back
      ? {
          label: $gettext("Undo"),
          run: () => void pool(done, (s) => app.dav.move(child(to, s.to), place(s.item))).then(async (f) => {
            report(app, f.map(({ item, error }) => ({ name: item.to, error })), $gettext("Not everything could be moved back."));
            await refresh(app.queries, to, ...sources.values());
          }),
        }
      : undefined,
  );
}

/** remove puts items into the trash. */
export async function remove(app: App, items: Resource[]): Promise<void> {
  const { $gettext, $ngettext } = app.language;
  const folders = new Map(items.map((i) => [i.driveId + parent(i.path), { driveId: i.driveId, path: parent(i.path) }]));
  const gone = new Set(items.map((i) => i.id));
  for (const f of folders.values()) edit(app.queries, f, (children) => children.filter((c) => !gone.has(c.id)));
  const failed = await pool(items, (i) => app.dav.remove(place(i)).catch((e: unknown) => {
    if (!is(e, 404)) throw e; // gone already
  }));
  await refresh(app.queries, ...folders.values());
  report(app, failed.map(({ item, error }) => ({ name: item.name, error })), $gettext("Not everything could be deleted."));
  const done = items.filter((i) => !failed.some((f) => f.item === i));
  const [first] = done;
  if (!first) return;
  app.toasts.info(
    done.length === 1 ? $gettext("“%{name}” is in the trash.", { name: first.name }) : $ngettext("%{n} item is in the trash.", "%{n} items are in the trash.", done.length, { n: `${done.length}` }),
    { label: $gettext("Undo"), run: () => void unremove(app, done) },
  );
}

// unremove takes things out of the trash again: the newest there by the same path.
async function unremove(app: App, items: Resource[]) {
  const { $gettext } = app.language;
  const drives = [...new Set(items.map((i) => i.driveId))];
  const trash = (await Promise.all(drives.map((d) => app.dav.trashed(d)))).flat();
  const failed = await pool(items, async (i) => {
    const found = trash.find((t) => t.driveId === i.driveId && t.path === i.path);
    if (!found) throw new Error($gettext("It is not in the trash."));
    await app.dav.restore(i.driveId, found.key, i.path);
  });
  report(app, failed.map(({ item, error }) => ({ name: item.name, error })), $gettext("Not everything could be restored."));
  await refresh(app.queries, ...items.map((i) => ({ driveId: i.driveId, path: parent(i.path) })));
}

/** rename gives something another name and tells whether it has it. */
export async function rename(app: App, item: Resource, name: string): Promise<boolean> {
  const { $gettext } = app.language;
  const folder = { driveId: item.driveId, path: parent(item.path) };
  const to = child(folder, name);
  edit(app.queries, folder, (children) => children.map((c) => (c.id === item.id ? { ...c, name, path: to.path } : c)));
  try {
    await app.dav.move(place(item), to);
    return true;
  } catch (e) {
    app.toasts.error(is(e, 412) ? $gettext("This name is taken.") : $gettext("“%{name}” could not be renamed.", { name: item.name }), is(e, 412) ? undefined : e);
    return false;
  } finally {
    await refresh(app.queries, folder);
  }
}

/** favour marks items as favourites, or no longer. */
export async function favour(app: App, items: Resource[], on: boolean): Promise<void> {
  const set = (value: boolean, which: readonly Resource[]) => {
    for (const i of which) edit(app.queries, { driveId: i.driveId, path: parent(i.path) }, (children) => children.map((c) => (c.id === i.id ? { ...c, favourite: value } : c)));
  };
  set(on, items);
  const failed = await pool(items, (i) => app.dav.favour(place(i), on));
  set(!on, failed.map((f) => f.item));
  await app.queries.invalidateQueries({ queryKey: ["favourites"] });
  report(app, failed.map(({ item, error }) => ({ name: item.name, error })), app.language.$gettext("The favourites could not be changed."));
}

/** download saves a file as it is, and folders or several things as an archive. */
export async function download(app: App, items: Resource[]): Promise<void> {
  const { $gettext } = app.language;
  try {
    const [one] = items;
    if (one && items.length === 1 && !one.folder) {
      const { downloadUrl } = one.downloadUrl ? one : await app.dav.stat(place(one), "oc:downloadURL");
      if (!downloadUrl) throw new Error($gettext("The server gives no address to download it from."));
      save(downloadUrl);
      return;
    }
    const archive = archiver(app.capabilities.value ?? (await capabilities(app.http)));
    if (!archive) throw new Error($gettext("The server makes no archives."));
    if (items.reduce((n, i) => n + i.size, 0) > archive.maxSize) throw new Error($gettext("It is too large for an archive. Select fewer items."));
    save(await app.signer.sign(new URL(archive.url, location.origin).pathname, items.map((i) => ["id", i.id])));
  } catch (e) {
    app.toasts.error($gettext("The download failed."), e);
  }
}

function save(url: string) {
  const a = document.createElement("a");
  a.href = url;
  a.download = "";
  a.rel = "noopener";
  document.body.append(a);
  a.click();
  a.remove();
}

function report(app: App, failed: { name: string; error: unknown }[], title: string) {
  const [first] = failed;
  if (!first) return;
  app.toasts.error(failed.length === 1 ? `${title} (${first.name})` : `${title} (${failed.length})`, first.error);
}
