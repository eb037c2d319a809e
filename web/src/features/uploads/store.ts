import { defineStore } from "pinia";
import { ref, shallowRef } from "vue";
import type { App } from "@/app/app";
import type { Place } from "@/api/dav";
import type { Queue } from "./queue";
import type { Found } from "./tree";

/** useUploads holds the queue, once there is something to upload, and whether its panel is folded away. */
export const useUploads = defineStore("uploads", () => ({ queue: shallowRef<Queue>(), folded: ref(false) }));

/** upload begins to upload; what it needs is loaded now. */
export async function upload(app: App, at: Place, found: Found | Promise<Found>): Promise<void> {
  try {
    const [{ start }, { begin }, given] = await Promise.all([import("./start"), import("./begin"), found]);
    const store = useUploads();
    const queue = start(app);
    store.folded = false;
    await begin(app, queue, at, given);
  } catch (e) {
    app.toasts.error(app.language.$gettext("The files could not be read."), e);
  }
}
