// What was seen last in this tab, so that a reload shows it while the server is being asked. It lies in sessionStorage: it ends with
// the tab, and with being signed in.
import type { QueryKey } from "@tanstack/vue-query";
import type { Drive } from "@/api/graph";
import { Session } from "@/auth/session";
import type { App } from "./app";

interface Seen {
  sub: string; // whose it is
  drives: Drive[];
  queries: [QueryKey, unknown][];
}

const key = "oc_seen";
const limit = 1_000_000; // letters; more takes longer to read than to ask for

declare module "@tanstack/vue-query" {
  interface Register {
    queryMeta: { resume?: boolean }; // kept over a reload
  }
}

/** resume shows what was seen before a reload, and from now on keeps it for the next one. */
export function resume(app: Pick<App, "session" | "drives" | "queries">): void {
  const seen = JSON.parse(sessionStorage.getItem(key) ?? "null") as Seen | null;
  sessionStorage.removeItem(key);
  const sub = app.session.claims?.sub;
  if (seen && sub && seen.sub === sub) {
    app.drives.value = seen.drives;
    for (const [queryKey, data] of seen.queries) app.queries.setQueryData(queryKey, data, { updatedAt: 1 }); // old: it is asked for again
  }
  addEventListener("pagehide", () => {
    const sub = app.session.claims?.sub;
    if (!sub || !app.drives.value || !Session.likely()) return;
    const shown = app.queries.getQueryCache().findAll({ type: "active" }).filter((q) => q.meta?.resume && q.state.data !== undefined);
    const text = JSON.stringify({ sub, drives: app.drives.value, queries: shown.map((q) => [q.queryKey, q.state.data]) } satisfies Seen);
    if (text.length <= limit) sessionStorage.setItem(key, text);
  });
}
