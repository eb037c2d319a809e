import { onScopeDispose, ref, watch } from "vue";
import { useApp } from "@/app/app";
import type { Resource } from "@/api/resource";
import { place } from "@/features/files/location";

/** useSource finds the address that a browser may load a file from by itself. */
export function useSource(item: () => Resource) {
  const app = useApp();
  const url = ref("");
  const error = ref<unknown>();
  let live = true;
  onScopeDispose(() => (live = false));
  watch(item, async (r) => {
    try {
      const { downloadUrl } = await app.dav.stat(place(r), "oc:downloadURL");
      if (!downloadUrl) throw new Error(app.language.$gettext("The server gives no address to load it from."));
      if (live) url.value = downloadUrl;
    } catch (e) {
      error.value = e;
    }
  }, { immediate: true });
  return { url, error };
}
