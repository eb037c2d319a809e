// Puts the queue together: what sends, what remembers, and what follows when something is done.
import { markRaw } from "vue";
import type { Place } from "@/api/dav";
import type { App } from "@/app/app";
import { Session } from "@/auth/session";
import { refresh } from "@/features/files/queries";
import { Memory } from "./memory";
import { Queue } from "./queue";
import { regain, Shelf } from "./shelf";
import { useUploads } from "./store";
import { Tus } from "./tus";

const pause = 1500; // ms between two looks at folders that are being filled, and more if looking takes long

/** start returns the one queue, making it at first, with what an earlier visit left. */
export function start(app: App): Queue {
  const store = useUploads();
  if (store.queue) return store.queue;
  const memory = new Memory(app);
  const shelf = new Shelf(app);
  let ours = false; // whether this tab is the one that remembers
  const remembers = () => ours && Session.likely(); // not after signing out
  const filled = new Map<string, { app: App; at: Place }>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let soon: ReturnType<typeof setTimeout> | undefined;
  const look = async () => {
    const looked = [...filled.values()];
    filled.clear();
    const begun = Date.now();
    await Promise.all(looked.map(({ app: of, at }) => refresh(of.queries, at)));
    timer = filled.size ? setTimeout(look, Math.max(pause, 5 * (Date.now() - begun))) : undefined;
  };
  const queue = markRaw(new Queue(new Tus(), (u) => {
    soon ??= setTimeout(() => {
      soon = undefined;
      if (!remembers()) return;
      memory.keep(queue.list.value);
      void shelf.keep(() => queue.list.value).catch(console.warn);
    }, 500);
    if (u.state !== "done") return;
    filled.set(`${u.driveId} ${u.folder}`, { app: u.app, at: { driveId: u.driveId, path: u.folder } });
    timer ??= setTimeout(look, pause);
  }));
  // One tab at a time remembers, and goes on with what was left: two would send the same file.
  void navigator.locks.request("oc_uploads", async () => {
    const left = memory.recall(app);
    const kept = await shelf.recall(left).catch(() => new Map<string, never>());
    ours = true;
    for (const u of left) {
      const source = kept.get(u.id);
      if (source instanceof File) queue.supply(u, source, true);
      else if (source) u.handle = () => Promise.resolve(source);
    }
    queue.add(left);
    await regain(queue, left);
    await new Promise(() => undefined); // until the tab is closed
  });
  window.addEventListener("online", () => queue.online());
  window.addEventListener("pagehide", () => remembers() && memory.keep(queue.list.value));
  window.addEventListener("beforeunload", (e) => {
    if (queue.list.value.some((u) => u.state === "running" || u.state === "waiting" || u.state === "offline")) e.preventDefault();
  });
  store.queue = queue;
  return queue;
}
