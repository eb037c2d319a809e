// What is done with files: each tells the person what happened, and offers to take it back where that is possible.
import type { App } from "@/app/app";
import { archiver, capabilities } from "@/api/capabilities";
import { child, type Place } from "@/api/dav";
import { is } from "@/api/http";
import { base, parent, within } from "@/api/path";
import type { Resource } from "@/api/resource";
import { settle, type Answer, type Ask } from "./conflicts";
import ConflictDialog from "./ConflictDialog.vue";
import { place } from "./location";
import { edit, refresh, taken } from "./queries";

const parallel = 4;

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

/** work runs a task for each item as pool does, and shows how far it is if it takes longer than a moment; the person can stop it. */
export async function work<T>(app: App, text: string, items: readonly T[], task: (item: T) => Promise<unknown>): Promise<{ done: T[]; failed: { item: T; error: unknown }[] }> {
  const done: T[] = [];
  let stopped = false;
  const shown = app.toasts.work(text, items.length > 1 ? { label: app.language.$gettext("Stop"), run: () => (stopped = true) } : undefined);
  try {
    const failed = await pool(items, async (item) => {
      if (stopped) return;
      await task(item);
      done.push(item);
      shown.at(done.length / items.length);
    });
    return { done, failed };
  } finally {
    shown.end();
  }
}

/** Step is one thing to copy or move. */
interface Step {
  item: Resource;
  to: Place;
  overwrite: boolean;
}

/** Pair is a folder that is merged into another. */
interface Pair {
  from: Resource;
  to: Place;
}

/** Plan is what is to be done: steps, and folders that are merged, outer ones first. */
interface Plan {
  steps: Step[];
  merged: Pair[];
}

/** plan decides what becomes of each item, and of all that is in folders that are merged, before anything is done; undefined if the person gives up.
 *  `merged` are folders of which it is known. */
export async function plan(app: App, items: readonly Resource[], to: Place, ask: Ask<Resource>, merged: Pair[] = []): Promise<Plan | undefined> {
  const there = items.length ? await taken(app, to) : new Map<string, boolean>();
  // Folders first: what is in those that are merged is asked about together with the files.
  const meeting = items.filter((i) => i.folder && there.get(i.name));
  const folders = await settle([{ items: meeting, taken: there }], () => ["merge", "replace"], ask);
  if (!folders) return undefined;
  const steps: Step[] = [];
  const pairs = [...merged];
  for (const [item, { to: name, choice }] of folders) {
    if (choice === "merge") pairs.push({ from: item, to: child(to, name) });
    else steps.push({ item, to: child(to, name), overwrite: choice === "replace" });
  }
  const targets = [{ at: to, items: items.filter((i) => !meeting.includes(i)), taken: there }];
  // Within a folder that is merged, folders are merged too.
  for (let next = [...pairs]; next.length > 0;) {
    const deeper: Pair[] = [];
    const failed = await pool(next, async ({ from, to: at }) => {
      const [{ children }, has] = await Promise.all([app.dav.list(place(from)), taken(app, at)]);
      const within = children.filter((c) => c.folder && has.get(c.name));
      deeper.push(...within.map((c) => ({ from: c, to: child(at, c.name) })));
      targets.push({ at, items: children.filter((c) => !within.includes(c)), taken: has });
    });
    if (failed[0]) throw failed[0].error;
    pairs.push(...deeper);
    next = deeper;
  }
  const settled = await settle(targets, () => ["replace"], ask);
  if (!settled) return undefined;
  for (const { at, items: coming } of targets) {
    for (const item of coming) {
      const name = settled.get(item);
      if (name) steps.push({ item, to: child(at, name.to), overwrite: name.choice === "replace" });
    }
  }
  return { steps, merged: pairs };
}

/** carry does what was planned. Folders that a move has emptied are removed: `emptied`, inner ones first. */
export async function carry(app: App, kind: "copy" | "move", { steps, merged }: Plan): Promise<{ done: Step[]; emptied: Resource[] }> {
  const { $gettext, $ngettext } = app.language;
  const n = { n: `${steps.length}` };
  const text = kind === "copy" ? $ngettext("Copying %{n} item…", "Copying %{n} items…", steps.length, n) : $ngettext("Moving %{n} item…", "Moving %{n} items…", steps.length, n);
  const { done, failed } = await work(app, text, steps, (s) => app.dav[kind](place(s.item), s.to, s.overwrite));
  const faults = failed.map(({ item, error }) => ({ name: item.item.name, error }));
  const emptied: Resource[] = [];
  for (const { from } of kind === "move" ? [...merged].reverse() : []) {
    try {
      if ((await app.dav.list(place(from))).children.length > 0) continue; // what was skipped, or has come meanwhile
      await app.dav.remove(place(from));
      emptied.push(from);
    } catch (error) {
      faults.push({ name: from.name, error });
    }
  }
  report(app, faults, kind === "copy" ? $gettext("Not everything could be copied.") : $gettext("Not everything could be moved."));
  await refresh(app.queries, ...touched({ steps, merged }));
  return { done, emptied };
}

// touched are the folders that a plan changes.
const touched = ({ steps, merged }: Plan): Place[] => {
  const above = (at: Place) => ({ driveId: at.driveId, path: parent(at.path) });
  const all = [...steps.flatMap((s) => [above(s.to), above(s.item)]), ...merged.flatMap((m) => [m.to, place(m.from), above(m.from)])];
  return [...new Map(all.map((p) => [`${p.driveId} ${p.path}`, p])).values()];
};

/** transfer copies or moves items into a folder. Copies into their own folder get new names. */
export async function transfer(app: App, wanted: "copy" | "move", items: Resource[], to: Place): Promise<void> {
  const { $gettext, $ngettext } = app.language;
  // Between spaces things are copied and the originals stay: the others there may rely on them.
  const kind = items.some((i) => i.driveId !== to.driveId) ? "copy" : wanted;
  const able = items.filter((i) => !(i.folder && i.driveId === to.driveId && within(to.path, i.path)) && !(kind === "move" && i.driveId === to.driveId && parent(i.path) === to.path));
  if (able.length < items.length && items.some((i) => i.folder && i.driveId === to.driveId && within(to.path, i.path))) app.toasts.error($gettext("A folder cannot be put into itself."));
  if (able.length === 0) return;
  let planned: Plan | undefined;
  try {
    const here = (i: Resource) => i.driveId === to.driveId && parent(i.path) === to.path;
    planned = await plan(app, able, to, (item, more, ways) => (here(item) ? Promise.resolve({ choice: "both", all: false }) : app.dialogs.show<Answer>(ConflictDialog, { item, more, ways })));
  } catch (e) {
    app.toasts.error($gettext("The folder could not be read."), e);
    return;
  }
  if (!planned) return;
  const { done, emptied } = await carry(app, kind, planned);
  const names = done.length ? done.map((s) => base(s.to.path)) : emptied.map((e) => e.name);
  const [first] = names;
  if (first === undefined) return;
  const back = kind === "move" && done.every((s) => !s.overwrite);
  app.toasts.info(
    names.length === 1
      ? kind === "copy" ? $gettext("“%{name}” was copied.", { name: first }) : $gettext("“%{name}” was moved.", { name: first })
      : kind === "copy" ? $ngettext("%{n} item was copied.", "%{n} items were copied.", names.length, { n: `${names.length}` }) : $ngettext("%{n} item was moved.", "%{n} items were moved.", names.length, { n: `${names.length}` }),
    back
      ? {
          label: $gettext("Undo"),
          run: () => void (async () => {
            for (const folder of [...emptied].reverse()) await unremove(app, [folder]);
            const { failed } = await work(app, $gettext("Moving back…"), done, (s) => app.dav.move(s.to, place(s.item)));
            report(app, failed.map(({ item, error }) => ({ name: item.item.name, error })), $gettext("Not everything could be moved back."));
            await refresh(app.queries, ...touched(planned));
          })(),
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
