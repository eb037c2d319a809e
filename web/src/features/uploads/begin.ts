// From what people give to uploads: asks where names are taken, makes the folders, and fills the queue.
import { child, type Place } from "@/api/dav";
import { is } from "@/api/http";
import { LinkDav } from "@/api/link";
import { base, check, join, parent } from "@/api/path";
import type { App } from "@/app/app";
import ConflictDialog from "@/features/files/ConflictDialog.vue";
import { settle, type Answer, type Arrival, type Settled, type Way } from "@/features/files/conflicts";
import { pool } from "@/features/files/operations";
import { refresh, taken } from "@/features/files/queries";
import type { Queue, Upload } from "./queue";
import type { Found } from "./tree";

const first = (path: string) => path.split("/")[0] ?? path;

// Folders are filled up, files replaced; a folder cannot become a file.
const ways = (root: Arrival, there: boolean): Way[] => (root.folder !== there ? [] : there ? ["merge"] : ["replace"]);

/** begin uploads what was found into a folder. Into a drop folder nothing is asked: what is there is not to be seen, and the server finds free names. */
export async function begin(app: App, queue: Queue, at: Place, given: Found): Promise<void> {
  const drop = app.dav instanceof LinkDav && app.dav.drop;
  const { $gettext, $ngettext } = app.language;
  const good = sound(given);
  const bad = given.files.length - good.files.length;
  if (bad) app.toasts.error($ngettext("%{n} file has a name that is not possible here.", "%{n} files have names that are not possible here.", bad, { n: `${bad}` }));
  const found = supply(queue, at, good);
  if (found.files.length + found.folders.length === 0) return;
  const left = app.drives.value?.find((d) => d.id === at.driveId)?.quota;
  if (left?.total && left.remaining !== undefined && found.files.reduce((n, f) => n + f.file.size, 0) > left.remaining) {
    app.toasts.error($gettext("There is not enough space left for this."));
    return;
  }
  const folders = new Set(found.folders.map(first));
  const roots = [...new Set([...found.folders, ...found.files.map((f) => f.path)].map(first))].map((name) => ({ name, folder: folders.has(name) }));
  const named = new Map<string, Settled>();
  try {
    const there = drop ? new Map<string, boolean>() : await taken(app, at);
    const settled = await settle([{ items: roots, taken: there }], ways, (item, more, ways) => app.dialogs.show<Answer>(ConflictDialog, { item, more, ways }));
    if (!settled?.size) return;
    for (const [root, name] of settled) named.set(root.name, name);
    await makeFolders(app, at, found.folders.flatMap((path) => target(path, named) ?? []));
  } catch (e) {
    app.toasts.error($gettext("The upload could not begin."), e);
    return;
  }
  queue.add(found.files.flatMap(({ path, file, handle }): Upload[] => {
    const to = target(path, named);
    if (to === undefined) return [];
    const full = join(at.path, to);
    const overwrite = drop || ["replace", "merge"].includes(named.get(first(path))?.choice ?? "");
    return [{ id: crypto.randomUUID(), app, driveId: at.driveId, folder: parent(full), name: base(full), size: file.size, modified: file.lastModified, overwrite, file, ...(handle ? { handle } : {}), sent: 0, state: "waiting" }];
  }));
  if (!drop) await refresh(app.queries, at);
}

/** target is the path that something gets, or undefined if its root is skipped. */
export function target(path: string, settled: ReadonlyMap<string, Settled>): string | undefined {
  const root = first(path);
  const named = settled.get(root);
  return named && named.to + path.slice(root.length);
}

// sound leaves away what cannot have its name.
function sound(found: Found): Found {
  const none = new Set<string>();
  const good = (path: string) => path.split("/").every((name) => !check(name, none));
  return { files: found.files.filter((f) => good(f.path)), folders: found.folders.filter(good) };
}

// supply gives files to uploads that were waiting for them after a reload, and returns the rest.
function supply(queue: Queue, at: Place, found: Found): Found {
  const waiting = queue.list.value.filter((u) => u.state === "forgotten" && u.driveId === at.driveId);
  const files = found.files.filter(({ path, file }) => !waiting.some((u) => join(u.folder, u.name) === join(at.path, path) && queue.supply(u, file)));
  // Their folders are there already.
  return files.length || !found.files.length ? { files, folders: found.folders } : { files, folders: [] };
}

// makeFolders makes folders level by level; those that are there are as good.
async function makeFolders(app: App, at: Place, paths: string[]) {
  const depth = (p: string) => p.split("/").length;
  for (const level of [...new Set(paths.map(depth))].sort((a, b) => a - b)) {
    const failed = await pool(paths.filter((p) => depth(p) === level), (p) => app.dav.mkcol(child(at, p)).catch((e: unknown) => {
      if (!is(e, 405)) throw e;
    }));
    if (failed[0]) throw failed[0].error;
  }
}
