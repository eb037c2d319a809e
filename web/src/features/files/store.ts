import { defineStore } from "pinia";
import { onBeforeUnmount, ref, shallowRef, watch, type Ref } from "vue";
import type { Context } from "@/app/registry";
import type { Resource } from "@/api/resource";
import type { Sort } from "./sort";

/** View is how a list looks. */
export type View = "table" | "condensed" | "tiles";

/** Tile is how large tiles are. */
export type Tile = "small" | "medium" | "large";

const key = "oc_files";

/** useFiles is what lists of files share: how they look, what was cut or copied, what is being dragged or renamed. */
export const useFiles = defineStore("files", () => {
  const kept = JSON.parse(localStorage.getItem(key) ?? "{}") as { view?: View; tile?: Tile; sort?: Sort; hidden?: boolean; extensions?: boolean; readme?: boolean };
  const view = ref<View>(kept.view ?? "table");
  const sort = ref<Sort>(kept.sort ?? { by: "name", down: false });
  const tile = ref<Tile>(kept.tile ?? "medium");
  const hidden = ref(kept.hidden ?? false);
  const extensions = ref(kept.extensions ?? true);
  const readme = ref(kept.readme ?? true); // those of folders are open
  const look = { view, tile, sort, hidden, extensions, readme };
  watch(Object.values(look), () => localStorage.setItem(key, JSON.stringify(Object.fromEntries(Object.entries(look).map(([name, r]) => [name, r.value])))), { deep: true });
  return {
    ...look,
    clipboard: shallowRef<{ items: Resource[]; cut: boolean }>(),
    dragged: shallowRef<Resource[]>([]),
    renaming: ref<string>(), // id
    context: shallowRef<Context>(), // of the page that is shown
    pick: shallowRef<(file: Resource) => void>(), // what happens to a file in place of opening it
  };
});

/** useShown lets others know what a page shows and what is chosen there, as long as it is there. */
export function useShown(context: Ref<Context>): void {
  const store = useFiles();
  watch(context, (c) => (store.context = c), { immediate: true });
  onBeforeUnmount(() => store.context === context.value && (store.context = undefined));
}
