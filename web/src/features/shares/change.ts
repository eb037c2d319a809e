// What is done with shares.
import { Shares, type Shared } from "@/api/shares";
import type { App } from "@/app/app";
import { pool } from "@/features/files/operations";

/** Change is what somebody makes of what others shared with them. */
export type Change = "accept" | "decline" | "hide" | "show";

const opposite: Record<Change, Change> = { accept: "decline", decline: "accept", hide: "show", show: "hide" };

/** change makes a change to several shares, and offers to take it back. */
export async function change(app: App, what: Change, items: readonly Shared[], back = false): Promise<void> {
  const { $gettext, $ngettext } = app.language;
  const shares = new Shares(app.http);
  const task = { accept: (s: Shared) => shares.accept(s), decline: (s: Shared) => shares.decline(s), hide: (s: Shared) => shares.hide(s, true), show: (s: Shared) => shares.hide(s, false) }[what];
  const work = app.toasts.work($ngettext("Changing %{n} share", "Changing %{n} shares", items.length, { n: `${items.length}` }));
  let at = 0;
  const failed = await pool(items, (s) => task(s).finally(() => work.at(++at / items.length)));
  work.end();
  await app.queries.invalidateQueries({ queryKey: ["shares"] });
  if (what === "accept" || what === "decline") app.drives.value = await app.graph.drives().catch(() => app.drives.value);
  const [first] = failed;
  if (first) app.toasts.error($gettext("“%{name}” could not be changed.", { name: first.item.name }), first.error);
  const done = items.filter((s) => !failed.some((f) => f.item === s));
  if (!done.length || back) return;
  const n = { n: `${done.length}` };
  const said = {
    accept: $ngettext("%{n} share was accepted.", "%{n} shares were accepted.", done.length, n),
    decline: $ngettext("%{n} share was declined.", "%{n} shares were declined.", done.length, n),
    hide: $ngettext("%{n} share is hidden.", "%{n} shares are hidden.", done.length, n),
    show: $ngettext("%{n} share is shown again.", "%{n} shares are shown again.", done.length, n),
  }[what];
  app.toasts.info(said, { label: $gettext("Undo"), run: () => void change(app, opposite[what], done, true) });
}

/** copyLinks puts the addresses of links on the clipboard, one a line. */
export async function copyLinks(app: App, items: readonly Shared[]): Promise<void> {
  const { $gettext, $ngettext } = app.language;
  const urls = items.flatMap((s) => s.links[0]?.link?.webUrl ?? []);
  try {
    await navigator.clipboard.writeText(urls.join("\n"));
    app.toasts.info($ngettext("The link was copied.", "%{n} links were copied.", urls.length, { n: `${urls.length}` }));
  } catch (e) {
    app.toasts.error($gettext("The link could not be copied."), e);
  }
}
