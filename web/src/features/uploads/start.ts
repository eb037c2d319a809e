// Puts the queue together: what sends, what remembers, and what follows when something is done.
import { markRaw } from "vue";
import type { Place } from "@/api/dav";
import type { App } from "@/app/app";
import { refresh } from "@/features/files/queries";
import { Memory } from "./memory";
import { Queue } from "./queue";
import { useUploads } from "./store";
import { Tus } from "./tus";

const pause = 1500; // ms between two looks at folders that are being filled, and more if looking takes long

/** start returns the one queue, making it at first, with what an earlier visit left. */
export function start(app: App): Queue {
  const store = useUploads();
  if (store.queue) return store.queue;
  const memory = new Memory(app);
  const filled = new Map<string, { app: App; at: Place }>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = async () => {
    const looked = [...filled.values()];
    filled.clear();
    const begun = Date.now();
    await Promise.all(looked.map(({ app: of, at }) => refresh(of.queries, at)));
    timer = filled.size ? setTimeout(look, Math.max(pause, 5 * (Date.now() - begun))) : undefined;
  };
  const queue = markRaw(new Queue(new Tus(), (u) => {
    memory.keep(() => queue.list.value);
    if (u.state !== "done") return;
    filled.set(`${u.driveId} ${u.folder}`, { app: u.app, at: { driveId: u.driveId, path: u.folder } });
    timer ??= setTimeout(look, pause);
  }));
  queue.add(memory.recall(app));
  window.addEventListener("online", () => queue.online());
  window.addEventListener("pagehide", () => memory.keepNow(queue.list.value));
  window.addEventListener("beforeunload", (e) => {
    if (queue.list.value.some((u) => u.state === "running" || u.state === "waiting" || u.state === "offline")) e.preventDefault();
  });
  store.queue = queue;
  return queue;
}
