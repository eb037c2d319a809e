// What is not finished is remembered over a reload: which files, and where the server has their beginnings.
import type { App } from "@/app/app";
import type { Upload } from "./queue";

const prefix = "oc_uploads.";
/** database is the name of where their files are (shelf.ts). */
export const database = "oc_uploads";
const day = 86_400_000; // the server keeps what was begun that long (spec/storage.md §8)
const most = 2_000;

type Kept = Pick<Upload, "id" | "driveId" | "folder" | "name" | "size" | "modified" | "overwrite" | "url" | "sent" | "paused"> & { at: number };

const remembered = (store: Storage) => Object.keys(store).filter((k) => k.startsWith(prefix));

/** forget removes all that is remembered here, whoever's it is: somebody signs out. */
export async function forget(store: Storage = localStorage): Promise<void> {
  for (const k of remembered(store)) store.removeItem(k);
  await new Promise<void>((resolve) => {
    const gone = indexedDB.deleteDatabase(database);
    gone.onsuccess = gone.onerror = gone.onblocked = () => resolve();
  });
}

/** Memory is one person's, in this browser. Those who come by a link have none. */
export class Memory {
  private readonly key: string | undefined;

  constructor(
    private readonly app: Pick<App, "session">,
    private readonly store: Storage = localStorage,
  ) {
    const sub = app.session.claims?.sub;
    this.key = sub && prefix + sub;
  }

  /** filled tells whether something may be remembered, be it somebody else's. */
  get filled(): boolean {
    return !!this.key && remembered(this.store).length > 0;
  }

  /** recall returns what was not finished within a day, as uploads that wait for their files. What somebody else has left goes. */
  recall(app: App, now = Date.now()): Upload[] {
    if (!this.key) return [];
    for (const k of remembered(this.store)) if (k !== this.key) this.store.removeItem(k);
    try {
      const kept = JSON.parse(this.store.getItem(this.key) ?? "[]") as Kept[];
      return kept.filter((k) => k.at > now - day).map((k) => ({ ...k, app, state: "forgotten" }));
    } catch {
      return []; // of another version
    }
  }

  /** keep remembers what is not finished. */
  keep(list: readonly Upload[], now = Date.now()): void {
    if (!this.key) return;
    const kept = list
      .filter((u) => u.state !== "done" && u.app.session === this.app.session)
      .slice(0, most)
      .map(({ id, driveId, folder, name, size, modified, overwrite, url, sent, state, paused }): Kept => ({ id, driveId, folder, name, size, modified, overwrite, sent, ...(url ? { url } : {}), ...(state === "paused" || (state === "forgotten" && paused) ? { paused: true } : {}), at: now }));
    if (kept.length) this.store.setItem(this.key, JSON.stringify(kept));
    else this.store.removeItem(this.key);
  }
}
