// What belongs to a space beside its files: picture, readme, and whether the person manages it.
import { useQuery } from "@tanstack/vue-query";
import { computed, onScopeDispose, shallowRef, watch, type Ref } from "vue";
import { useApp } from "@/app/app";
import type { Drive } from "@/api/graph";
import { Sharing } from "@/api/sharing";
import { disabled, special } from "@/api/spaces";

/** address is where a space's picture or readme is. It may carry another name of the server than the one we are at. */
export const address = (drive: Drive | undefined, name: "image" | "readme") => {
  const url = drive && special(drive, name)?.webDavUrl;
  return url ? new URL(url, location.origin).pathname : undefined;
};

/** usePicture is an address of the space's picture for <img>. */
export function usePicture(drive: Ref<Drive | undefined>): Ref<string | undefined> {
  const app = useApp();
  const url = computed(() => address(drive.value, "image"));
  const version = computed(() => drive.value && special(drive.value, "image")?.id);
  const { data } = useQuery({ queryKey: computed(() => ["space-picture", url.value, version.value]), enabled: computed(() => !!url.value), staleTime: 60_000, queryFn: async () => (await app.http.send("GET", url.value ?? "")).blob() });
  const src = shallowRef<string>();
  const free = () => src.value && URL.revokeObjectURL(src.value);
  watch(data, (blob) => {
    free();
    src.value = blob?.type.startsWith("image/") ? URL.createObjectURL(blob) : undefined;
  }, { immediate: true });
  onScopeDispose(free);
  return src;
}

/** readmeKey is what a readme is kept under. */
export const readmeKey = (drive: Drive | undefined) => ["space-readme", drive && address(drive, "readme")];

/** useReadme is the text of the space's readme. */
export function useReadme(drive: Ref<Drive | undefined>) {
  const app = useApp();
  const url = computed(() => address(drive.value, "readme"));
  return useQuery({ queryKey: computed(() => readmeKey(drive.value)), enabled: computed(() => !!url.value), queryFn: async () => (await app.http.send("GET", url.value ?? "")).text() });
}

/** useManages tells whether the person may change the space; no until the server has said so. */
export function useManages(drive: Ref<Drive | undefined>) {
  const app = useApp();
  const sharing = new Sharing(app.http);
  const id = computed(() => (drive.value && !disabled(drive.value) ? drive.value.id : undefined));
  const { data } = useQuery({ queryKey: computed(() => ["space-manages", id.value]), enabled: computed(() => !!id.value), staleTime: 60_000, queryFn: async () => manages(await sharing.actions(id.value ?? "")) });
  return computed(() => data.value ?? false);
}

/** manages tells by what somebody may do whether they are a manager: who else may take rights away? */
export const manages = (actions: readonly string[]): boolean => actions.some((a) => a.endsWith("/permissions/delete"));
