// Keeps what is being uploaded in this browser (IndexedDB), so that after a reload nobody has to choose files again.
import type { App } from "@/app/app";
import { database } from "./memory";
import type { Queue, Upload } from "./queue";

/** Kept is a file that waits here: the file itself, or (of a large one that was dropped) where it is, which the person must allow to read again. */
export interface Kept {
  id: string; // of the upload
  sub: string; // whose it is
  source: File | FileSystemFileHandle;
}

/** Store is where that lies. */
export interface Store {
  all(): Promise<Kept[]>;
  put(kept: Kept): Promise<void>;
  remove(id: string): Promise<void>;
}

// A browser copies the files that it keeps, so there are bounds; the place for a handle is nothing.
const limits = { file: 100_000_000, all: 500_000_000, count: 2_000 };

/** Shelf is one person's. Those who come by a link have none. */
export class Shelf {
  private readonly sub: string | undefined;
  private readonly sizes = new Map<string, number>(); // by id, of what is here
  private readonly seen = new Set<string>();
  private busy = false;

  constructor(
    private readonly app: Pick<App, "session">,
    private readonly store: Store = new Database(),
    private readonly most = limits,
  ) {
    this.sub = app.session.claims?.sub;
  }

  /** recall returns what is here for uploads. All else goes: what was given up, and what somebody else has left. */
  async recall(uploads: readonly Upload[]): Promise<Map<string, Kept["source"]>> {
    const wanted = new Set(uploads.map((u) => u.id));
    const found = new Map<string, Kept["source"]>();
    for (const { id, sub, source } of await this.store.all()) {
      if (sub !== this.sub || !wanted.has(id)) {
        await this.store.remove(id);
        continue;
      }
      this.note(id, source);
      found.set(id, source);
    }
    return found;
  }

  /** keep brings what is here in line with what is not finished, one after the other, while the list goes on changing. What does not fit must be chosen again. */
  async keep(list: () => readonly Upload[]): Promise<void> {
    if (!this.sub || this.busy) return;
    this.busy = true;
    try {
      for (;;) {
        const open = new Map(list().filter((u) => u.state !== "done" && u.app.session === this.app.session).map((u) => [u.id, u]));
        for (const id of this.sizes.keys()) {
          if (open.has(id)) continue;
          this.sizes.delete(id);
          await this.store.remove(id);
        }
        const next = [...open.values()].find((u) => u.file && !this.seen.has(u.id));
        if (!next) return;
        this.seen.add(next.id);
        const source = await this.source(next);
        if (!source) continue;
        this.note(next.id, source);
        // Of a file that is gone, or with a full disk, nothing is kept.
        await this.store.put({ id: next.id, sub: this.sub, source }).catch(() => this.sizes.delete(next.id));
      }
    } finally {
      this.busy = false;
    }
  }

  private async source(u: Upload): Promise<Kept["source"] | undefined> {
    if (this.sizes.size >= this.most.count) return undefined;
    const used = [...this.sizes.values()].reduce((n, size) => n + size, 0);
    if (u.file && u.size <= this.most.file && used + u.size <= this.most.all) return u.file;
    return u.handle?.().catch(() => undefined);
  }

  private note(id: string, source: Kept["source"]) {
    this.seen.add(id);
    this.sizes.set(id, source instanceof Blob ? source.size : 0);
  }
}

/** regain gives uploads the files that were kept, and tells how many were not as they had been. Where the browser wants to ask first, it does so
 *  only with `ask`, in answer to a click or key; without it those uploads wait. */
export async function regain(queue: Queue, uploads: readonly Upload[], ask = false): Promise<number> {
  let missed = 0;
  for (const u of uploads) {
    const handle = u.state === "forgotten" ? await u.handle?.().catch(() => undefined) : undefined;
    if (!handle) continue;
    const state = ask ? await handle.requestPermission?.({ mode: "read" }).catch(() => "denied") : await handle.queryPermission?.({ mode: "read" });
    if (state !== undefined && state !== "granted") continue;
    const file = await handle.getFile().catch(() => undefined);
    if (file && queue.supply(u, file, true)) continue;
    missed++;
    queue.miss(u);
  }
  return missed;
}

// Database is IndexedDB, opened when it is needed.
class Database implements Store {
  private db?: Promise<IDBDatabase>;

  all(): Promise<Kept[]> {
    return this.run("readonly", (s) => s.getAll() as IDBRequest<Kept[]>);
  }
  async put(kept: Kept): Promise<void> {
    await this.run("readwrite", (s) => s.put(kept));
  }
  async remove(id: string): Promise<void> {
    await this.run("readwrite", (s) => s.delete(id));
  }

  private async run<T>(mode: IDBTransactionMode, task: (s: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const db = await (this.db ??= open());
    return new Promise((resolve, reject) => {
      const t = db.transaction("files", mode);
      const request = task(t.objectStore("files"));
      t.oncomplete = () => resolve(request.result);
      t.onabort = () => reject(t.error ?? new Error("aborted"));
    });
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(database);
    request.onupgradeneeded = () => request.result.createObjectStore("files", { keyPath: "id" });
    request.onsuccess = () => {
      const db = request.result;
      db.onversionchange = () => db.close(); // the person signs out, perhaps in another tab: from now on nothing is kept
      resolve(db);
    };
    request.onerror = () => reject(request.error ?? new Error("no database"));
  });
}
