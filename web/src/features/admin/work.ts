// The same for many: with progress, a way to stop, and in the end what failed and why.
import { reactive } from "vue";
import type { App } from "@/app/app";
import { attempt } from "@/app/attempt";
import { hold } from "@/app/leave";
import { explain } from "@/app/toasts";
import { pool } from "@/features/files/operations";
import WorkDialog from "./WorkDialog.vue";

/** Work is what is done with each of some items. */
export interface Work<T> {
  title: string; // what is being done
  failed: (name: string) => string; // what failed, if it is only one
  items: readonly T[];
  name: (item: T) => string;
  task: (item: T) => Promise<unknown>;
}

/** Progress is how far work is. */
export interface Progress {
  title: string;
  total: number;
  done: number;
  failed: { name: string; why: string }[];
  stopped: boolean; // by the person
  over: boolean;
}

const patience = 400; // ms without a word

/** work does it; what failed or was not begun can be tried again. It returns when the person has seen the end. */
export async function work<T>(app: App, w: Work<T>): Promise<void> {
  const [one] = w.items;
  if (one !== undefined && w.items.length === 1) return void (await attempt(app, w.failed(w.name(one)), () => w.task(one)));
  for (let items = w.items; items.length > 0;) {
    const open = new Set(items);
    const p: Progress = reactive({ title: w.title, total: items.length, done: 0, failed: [], stopped: false, over: false });
    const release = hold();
    const end = pool(items, async (item) => {
      if (p.stopped) return;
      try {
        await w.task(item);
        open.delete(item);
      } catch (e) {
        p.failed.push({ name: w.name(item), why: explain(e, app.language) });
      }
      p.done++;
    }).then(() => {
      p.over = true;
      release();
    });
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, patience))]);
    if (p.over && open.size === 0) return;
    const again = await app.dialogs.show<boolean>(WorkDialog, { progress: p });
    await end;
    if (!again) return;
    items = items.filter((i) => open.has(i));
  }
}
