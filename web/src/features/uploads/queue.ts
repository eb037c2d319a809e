// What is being uploaded: a few at once, until each is done, given up, or waits for the person. It knows nothing of how bytes are sent.
import { shallowRef, triggerRef } from "vue";
import { is } from "@/api/http";
import type { App } from "@/app/app";
import { Speed } from "./speed";

/** State of an upload; it goes waiting → running → done, and from running to the others and back.
 *  offline: tried again by itself; forgotten: after a reload the browser has the file no more, and it must be chosen again, or allowed to be read. */
export type State = "waiting" | "running" | "offline" | "paused" | "failed" | "forgotten" | "done";

/** Upload is one file on its way. */
export interface Upload {
  readonly id: string;
  readonly app: App; // the person's, or that of a public link
  readonly driveId: string;
  readonly folder: string; // where it goes, as path in the space
  readonly name: string;
  readonly size: number;
  readonly modified: number; // ms since 1970
  readonly overwrite: boolean;
  file?: File;
  handle?: () => Promise<FileSystemFileHandle | undefined>; // where the file is, if the browser tells
  paused?: boolean; // when the page was left
  url?: string; // where the server has what was sent
  sent: number;
  state: State;
  error?: unknown;
}

/** Progress is what a transport reports; after `done` or `failed` nothing comes. */
export interface Progress {
  url(url: string | undefined): void; // undefined: what was sent is lost
  sent(bytes: number): void;
  done(): void;
  failed(e: unknown): void;
}

/** Transport sends a file. It must go on from upload.url if that is set. Calling what it returns stops it silently; what was sent stays. */
export interface Transport {
  send(upload: Upload, file: File, on: Progress): () => void;
  discard(upload: Upload): Promise<void>; // removes what was sent
}

/** Unreadable is a file that was changed, moved or deleted after it was chosen. */
export class Unreadable extends Error {}

const stalled = 60_000; // ms without a word after which a connection is taken for lost: nobody tells if it is

const unfinished: ReadonlySet<State> = new Set<State>(["waiting", "running", "offline", "paused", "forgotten"]);

const often = 200; // ms between two looks at what changes all the time

/** Queue holds uploads and runs them. */
export class Queue {
  /** list changes when an upload does, at once and then every now and then: with a thousand files something changes all the time. */
  readonly list = shallowRef<readonly Upload[]>([]);
  readonly speed = new Speed();
  private readonly stops = new Map<string, () => void>();
  private readonly tries = new Map<string, number>();
  private timer?: ReturnType<typeof setTimeout>;
  private quiet?: ReturnType<typeof setTimeout>; // nobody is told while it runs
  private news = false;

  constructor(
    private readonly transport: Transport,
    private readonly changed: (u: Upload) => void = () => undefined, // after each change of state
    private readonly parallel = 6,
  ) {}

  /** add puts uploads at the end. */
  add(uploads: Upload[]): void {
    this.list.value = [...this.list.value, ...uploads];
    this.pump();
  }

  /** open tells how many are not done and not given up. */
  get open(): number {
    return this.list.value.filter((u) => unfinished.has(u.state)).length;
  }

  /** pause stops uploads; what was sent stays at the server. */
  pause(...uploads: readonly Upload[]): void {
    for (const u of uploads) if (u.state === "running" || u.state === "waiting" || u.state === "offline") this.set(u, "paused");
    this.pump();
  }

  /** resume goes on with what was paused or failed. */
  resume(...uploads: readonly Upload[]): void {
    for (const u of uploads) {
      if (u.state !== "paused" && u.state !== "failed" && u.state !== "offline") continue;
      this.tries.delete(u.id);
      this.set(u, u.file ? "waiting" : "forgotten");
    }
    this.pump();
  }

  /** supply gives an upload its file again and tells whether it is the same one. One that was kept may have another name here, and what was paused stays so. */
  supply(u: Upload, file: File, kept = false): boolean {
    if (u.state !== "forgotten" || (u.name !== file.name && !kept) || u.size !== file.size || Math.abs(u.modified - file.lastModified) >= 1000) return false;
    u.file = file;
    this.set(u, kept && u.paused ? "paused" : "waiting");
    this.pump();
    return true;
  }

  /** miss tells that the file of an upload cannot be had again: only choosing it helps. */
  miss(u: Upload): void {
    delete u.handle;
    this.tell();
  }

  /** cancel takes uploads away, and from the server what was sent. */
  cancel(...uploads: readonly Upload[]): void {
    const gone = new Set(uploads.map((u) => u.id));
    for (const u of uploads) {
      this.stop(u);
      if (u.url && u.state !== "done") this.transport.discard(u).catch(() => undefined); // it expires by itself
    }
    this.list.value = this.list.value.filter((u) => !gone.has(u.id));
    for (const u of uploads) this.changed(u);
    this.pump();
  }

  /** clear forgets those that are done. */
  clear(): void {
    this.list.value = this.list.value.filter((u) => u.state !== "done");
  }

  /** online tries at once what waits for the connection. */
  online(): void {
    clearTimeout(this.timer);
    delete this.timer;
    for (const u of this.list.value) if (u.state === "offline") this.set(u, "waiting");
    this.pump();
  }

  private pump() {
    let running = this.stops.size;
    for (const u of this.list.value) {
      if (running >= this.parallel) return;
      if (u.state !== "waiting" || !u.file) continue;
      running++;
      this.run(u, u.file);
    }
  }

  private run(u: Upload, file: File) {
    delete u.error;
    this.set(u, "running");
    let live = true; // what comes after it was stopped is not heard
    let watch: ReturnType<typeof setTimeout>;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => this.fail(u, new TypeError("stalled")), stalled);
    };
    alive();
    const stop = this.transport.send(u, file, {
      url: (url) => {
        if (!live) return;
        alive();
        if (url === undefined) delete u.url;
        else u.url = url;
        this.changed(u);
      },
      sent: (bytes) => {
        if (!live) return;
        alive();
        if (bytes > u.sent) {
          this.speed.sent(bytes - u.sent, Date.now());
          this.tries.delete(u.id);
        }
        u.sent = bytes;
        this.tell();
      },
      done: () => {
        if (!live) return;
        u.sent = u.size;
        delete u.url;
        this.set(u, "done");
        this.pump();
      },
      failed: (e) => {
        if (live) this.fail(u, e);
      },
    });
    this.stops.set(u.id, () => {
      live = false;
      clearTimeout(watch);
      stop();
    });
  }

  private fail(u: Upload, e: unknown) {
    u.error = e;
    const tried = this.tries.get(u.id) ?? 0;
    // No connection is no fault: we wait. A server that is busy gets some tries.
    if (e instanceof TypeError || (is(e, 401, 408, 423, 425, 429, 500, 502, 503, 504) && tried < 6) || (u.url && is(e, 409) && tried < 2)) {
      this.tries.set(u.id, tried + 1);
      this.set(u, "offline");
      this.timer ??= setTimeout(() => this.online(), Math.min(30_000, 1000 * 2 ** tried));
    } else this.set(u, "failed");
    this.pump();
  }

  private set(u: Upload, state: State) {
    if (state !== "running") this.stop(u);
    u.state = state;
    this.changed(u);
    this.tell();
  }

  private tell() {
    if (this.quiet) {
      this.news = true;
      return;
    }
    triggerRef(this.list);
    this.quiet = setTimeout(() => {
      delete this.quiet;
      if (!this.news) return;
      this.news = false;
      this.tell();
    }, often);
  }

  private stop(u: Upload) {
    const stop = this.stops.get(u.id);
    this.stops.delete(u.id);
    stop?.();
  }
}
