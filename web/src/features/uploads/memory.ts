// What is not finished is remembered over a reload: which files, and where the server has their beginnings.
import type { App } from "@/app/app";
import type { Upload } from "./queue";

const prefix = "oc_uploads.";
const day = 86_400_000; // the server keeps what was begun that long (spec/storage.md §8)
const most = 2_000;

type Kept = Pick<Upload, "id" | "driveId" | "folder" | "name" | "size" | "modified" | "overwrite" | "url" | "sent"> & { at: number };

/** Memory is one person's, in this browser. Those who come by a link have none. */
export class Memory {
  private readonly key: string | undefined;
  private timer?: ReturnType<typeof setTimeout>;

  constructor(
    private readonly app: Pick<App, "session">,
    private readonly store: Storage = localStorage,
  ) {
    const sub = app.session.claims?.sub;
    this.key = sub && prefix + sub;
  }

  /** filled tells whether something may be remembered. */
  get filled(): boolean {
    return !!this.key && this.store.getItem(this.key) !== null;
  }

  /** recall returns what was not finished within a day, as uploads that wait for their files. */
  recall(app: App, now = Date.now()): Upload[] {
    if (!this.key) return [];
    try {
      const kept = JSON.parse(this.store.getItem(this.key) ?? "[]") as Kept[];
      return kept.filter((k) => k.at > now - day).map((k) => ({ ...k, app, state: "forgotten" }));
    } catch {
      return []; // of another version
    }
  }

  /** keep remembers soon. */
  keep(list: () => readonly Upload[]): void {
    this.timer ??= setTimeout(() => {
      delete this.timer;
      this.keepNow(list());
    }, 500);
  }

  /** keepNow remembers what is not finished. */
  keepNow(list: readonly Upload[], now = Date.now()): void {
    if (!this.key) return;
    const kept = list
      .filter((u) => u.state !== "done" && u.app.session === this.app.session)
      .slice(0, most)
      .map(({ id, driveId, folder, name, size, modified, overwrite, url, sent }): Kept => ({ id, driveId, folder, name, size, modified, overwrite, sent, ...(url ? { url } : {}), at: now }));
    if (kept.length) this.store.setItem(this.key, JSON.stringify(kept));
    else this.store.removeItem(this.key);
  }
}
