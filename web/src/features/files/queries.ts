import { useQuery, type QueryClient } from "@tanstack/vue-query";
import { computed, type Ref } from "vue";
import { useApp, type App } from "@/app/app";
import type { Place } from "@/api/dav";
import type { Resource } from "@/api/resource";

/** Listing is a folder and what is in it. */
export interface Listing {
  folder: Resource;
  children: Resource[];
}

/** folderKey is what a folder's listing is kept under. */
export const folderKey = (at: Place) => ["folder", at.driveId, at.path] as const;

/** useFolder lists a folder; one that was seen before is there at once, and asked for again meanwhile. */
export function useFolder(at: Ref<Place | undefined>, { dav }: Pick<App, "dav"> = useApp()) {
  return useQuery({
    queryKey: computed(() => (at.value ? folderKey(at.value) : (["folder", "", ""] as const))),
    enabled: computed(() => !!at.value),
    structuralSharing: false, // comparing 20,000 entries costs more than it saves
    meta: { resume: true },
    shallow: true, // so does watching each of them
    queryFn: ({ signal, queryKey: [, driveId, path] }): Promise<Listing> => {
      if (!driveId || !path) throw new Error("no folder");
      return dav.list({ driveId, path }, signal); // not `at`: that may be another folder when this one is asked for again
    },
  });
}

/** taken tells of each name in a folder, fresh from the server, whether a folder has it. */
export async function taken(app: App, at: Place): Promise<Map<string, boolean>> {
  const { children } = await app.queries.fetchQuery({ queryKey: folderKey(at), queryFn: () => app.dav.list(at), staleTime: 2_000, structuralSharing: false });
  return new Map(children.map((c) => [c.name, c.folder]));
}

/** names are those taken in a folder, fresh from the server. */
export const names = async (app: App, at: Place): Promise<Set<string>> => new Set((await taken(app, at)).keys());

/** edit changes a listing that is kept, so that the person sees the result before the server was asked again. */
export function edit(queries: QueryClient, at: Place, change: (children: Resource[]) => Resource[]): void {
  queries.setQueryData<Listing>(folderKey(at), (l) => l && { ...l, children: change(l.children) });
}

/** refresh asks for folders again. */
export async function refresh(queries: QueryClient, ...places: Place[]): Promise<void> {
  await Promise.all(places.map((p) => queries.invalidateQueries({ queryKey: folderKey(p), exact: true })));
}
