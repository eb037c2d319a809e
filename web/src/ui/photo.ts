// The pictures in avatars: each is asked for once, when it comes into sight.
import { useQuery } from "@tanstack/vue-query";
import { computed, onBeforeUnmount, onMounted, ref, watch, type Ref } from "vue";
import { useApp } from "@/app/app";
import { Photos } from "@/api/photos";

/** photoKey is what somebody's picture is kept under. */
export const photoKey = (userId: string) => ["photo", userId] as const;

/** usePhoto returns the address of somebody's picture, or "": there is none, or `at` was not in sight yet. */
export function usePhoto(userId: () => string | undefined, at: Ref<HTMLElement | undefined>): Ref<string> {
  const app = useApp();
  const photos = new Photos(app.http);
  const seen = ref(false);
  const { data } = useQuery({
    queryKey: computed(() => photoKey(userId() ?? "")),
    enabled: computed(() => seen.value && !!userId() && !!app.capabilities.value?.files_sharing?.user?.profile_picture),
    staleTime: 10 * 60_000,
    refetchOnWindowFocus: false,
    retry: false,
    queryFn: () => photos.of(userId() ?? ""),
  });
  const url = ref("");
  watch(data, (picture, _, onCleanup) => {
    url.value = picture ? URL.createObjectURL(picture) : "";
    const made = url.value;
    onCleanup(() => made && URL.revokeObjectURL(made));
  }, { immediate: true });
  let sight: IntersectionObserver | undefined;
  onMounted(() => {
    sight = new IntersectionObserver(([e]) => (seen.value ||= !!e?.isIntersecting));
    if (at.value) sight.observe(at.value);
  });
  onBeforeUnmount(() => sight?.disconnect());
  return url;
}
