import { useQuery } from "@tanstack/vue-query";
import { computed, type Ref } from "vue";
import { useApp } from "@/app/app";
import type { Drive } from "@/api/graph";

/** bins are the spaces that have a trash of their own. */
export const bins = (drives: readonly Drive[] | undefined): Drive[] => (drives ?? []).filter((d) => (d.driveType === "personal" || d.driveType === "project") && !d.root?.deleted);

/** useTrash lists what was deleted from a space, once there is a reason to ask. */
export function useTrash(drive: Ref<Drive | undefined>, wanted: Ref<boolean>) {
  const { dav } = useApp();
  return useQuery({
    queryKey: computed(() => ["trash", drive.value?.id]),
    enabled: computed(() => wanted.value && !!drive.value),
    shallow: true,
    queryFn: ({ signal }) => dav.trashed(drive.value?.id ?? "", signal),
    staleTime: 0,
  });
}
