import { onBeforeUnmount, watch, type Ref } from "vue";
import type { Context } from "@/app/registry";
import { useFiles } from "./store";

/** useShown lets others know what a page shows and what is chosen there, as long as it is there. */
export function useShown(context: Ref<Context>): void {
  const store = useFiles();
  watch(context, (c) => (store.context = c), { immediate: true });
  onBeforeUnmount(() => store.context === context.value && (store.context = undefined));
}
