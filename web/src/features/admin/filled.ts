import type { Language } from "vue3-gettext";
import { bytes } from "@/app/format";
import type { Quota } from "@/api/graph";

/** filled says how much of a quota is used. */
export function filled(q: Quota | undefined, { $gettext, current }: Language): string {
  const used = bytes(q?.used ?? 0, current);
  return q?.total ? $gettext("%{used} of %{total} used", { used, total: bytes(q.total, current) }) : $gettext("%{used} used", { used });
}
