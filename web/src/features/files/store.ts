import { defineStore } from "pinia";
import { shallowRef, ref, watch } from "vue";
import type { Context } from "@/app/registry";
import type { Resource } from "@/api/resource";
import type { Sort } from "./sort";

/** View is how a list looks. */
export type View = "table" | "condensed" | "tiles";

const key = "oc_files";

/** useFiles is what lists of files share: how they look, what was cut or copied, what is being dragged or renamed. */
export const useFiles = defineStore("files", () => {
  const kept = JSON.parse(localStorage.getItem(key) ?? "{}") as { view?: View; sort?: Sort; hidden?: boolean };
  const view = ref<View>(kept.view ?? "table");
  const sort = ref<Sort>(kept.sort ?? { by: "name", down: false });
  const hidden = ref(kept.hidden ?? false);
  watch([view, sort, hidden], () => localStorage.setItem(key, JSON.stringify({ view: view.value, sort: sort.value, hidden: hidden.value })), { deep: true });
  return {
    view,
    sort,
    hidden,
    clipboard: shallowRef<{ items: Resource[]; cut: boolean }>(),
    dragged: shallowRef<Resource[]>([]),
    renaming: ref<string>(), // id
    context: shallowRef<Context>(), // of the page that is shown
    pick: shallowRef<(file: Resource) => void>(), // what happens to a file in place of opening it
  };
});
