import { useQueries, useQuery } from "@tanstack/vue-query";
import { computed, type Ref } from "vue";
import { useApp, type App } from "@/app/app";
import { is } from "@/api/http";
import { above, parent } from "@/api/path";
import type { Resource } from "@/api/resource";
import { Sharing, type Permission, type Role } from "@/api/sharing";
import { folderKey, refresh, type Listing } from "@/features/files/queries";

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

/** Inherited is a right that a folder above gives. */
export interface Inherited {
  folder: Resource;
  permission: Permission;
  roles: Role[]; // those that can be given there
}

/** useInherited asks what the folders above an item give, all at once; a space gives to its members. */
export function useInherited(item: Ref<Resource | undefined>) {
  const { dav, http, drives, queries } = useApp();
  const sharing = new Sharing(http);
  const places = computed(() => {
    const it = item.value;
    const own = drives.value?.find((d) => d.id === it?.driveId)?.driveType === "personal"; // as a whole it is nobody else's
    return it ? above(it.path).filter((path) => !own || path !== "/").map((path) => ({ driveId: it.driveId, path })) : [];
  });
  return useQueries({
    queries: computed(() =>
      places.value.map((at) => ({
        queryKey: ["permissions-above", at.driveId, at.path],
        staleTime: 30_000,
        queryFn: async (): Promise<Inherited[]> => {
          try {
            const folder = queries.getQueryData<Listing>(folderKey(at))?.folder ?? (await dav.stat(at)); // the one that is shown is known
            const { value, roles } = await sharing.list(folder.id);
            return value.map((permission) => ({ folder, permission, roles }));
          } catch (e) {
            if (is(e, 403, 404)) return []; // it is not for the person to see
            throw e;
          }
        },
      })),
    ),
    combine: (results) => ({ list: results.flatMap((r) => r.data ?? []), error: results.find((r) => r.error)?.error }),
  });
}

/** changed asks again for all that shows rights on an item. */
export async function changed(app: App, item: Resource | undefined): Promise<void> {
  if (!item) return;
  await Promise.all([
    app.queries.invalidateQueries({ queryKey: ["permissions", item.id] }),
    app.queries.invalidateQueries({ queryKey: ["permissions-above"] }),
    app.queries.invalidateQueries({ queryKey: ["shares"] }),
    refresh(app.queries, { driveId: item.driveId, path: parent(item.path) }),
  ]);
}
