import { useQuery } from "@tanstack/vue-query";
import { computed, type Ref } from "vue";
import { useApp, type App } from "@/app/app";
import { parent } from "@/api/path";
import type { Resource } from "@/api/resource";
import { Sharing } from "@/api/sharing";
import { refresh } from "@/features/files/queries";

/** usePermissions asks who has which rights on an item; it is asked again by `changed`. */
export function usePermissions(item: Ref<Resource | undefined>) {
  const app = useApp();
  const sharing = new Sharing(app.http);
  const query = useQuery({
    queryKey: computed(() => ["permissions", item.value?.id]),
    enabled: computed(() => !!item.value),
    queryFn: () => sharing.list(item.value?.id ?? ""),
  });
  return { ...query, sharing, changed: () => changed(app, item.value) };
}

/** changed asks again for all that shows rights on an item. */
export async function changed(app: App, item: Resource | undefined): Promise<void> {
  if (!item) return;
  await Promise.all([
    app.queries.invalidateQueries({ queryKey: ["permissions", item.id] }),
    app.queries.invalidateQueries({ queryKey: ["shares"] }),
    refresh(app.queries, { driveId: item.driveId, path: parent(item.path) }),
  ]);
}
