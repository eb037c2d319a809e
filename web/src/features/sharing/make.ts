import type { App } from "@/app/app";
import type { Resource } from "@/api/resource";
import { Sharing, type Permission } from "@/api/sharing";
import { mustHave, quick, usual } from "./links";
import LinkDialog, { type Answer } from "./LinkDialog.vue";
import { changed } from "./queries";

/** create asks what a link shall be and makes it; undefined if nothing was made. */
export async function create(app: App, item: Resource, isQuick = false): Promise<Permission | undefined> {
  const { $gettext } = app.language;
  const answer = await app.dialogs.show<Answer>(LinkDialog, { folder: item.folder });
  if (!answer) return undefined;
  try {
    return await new Sharing(app.http).createLink(item.id, {
      type: answer.type,
      ...(answer.name ? { displayName: answer.name } : {}),
      ...(answer.password ? { password: answer.password } : {}),
      ...(answer.expires ? { expirationDateTime: answer.expires } : {}),
      ...(isQuick ? { "@libre.graph.quickLink": true } : {}),
    });
  } catch (e) {
    app.toasts.error($gettext("The link could not be created."), e);
    return undefined;
  } finally {
    await changed(app, item);
  }
}

/** change makes a link what was asked for; what stays is not sent. */
export async function change(app: App, item: Resource, link: Permission): Promise<void> {
  const answer = await app.dialogs.show<Answer>(LinkDialog, { folder: item.folder, link });
  if (!answer) return;
  const sharing = new Sharing(app.http);
  try {
    // The password first: a wider link may need one.
    if (answer.password) await sharing.setPassword(item.id, link.id, answer.password);
    if (answer.type !== link.link?.type || answer.name !== (link.link["@libre.graph.displayName"] ?? "")) await sharing.change(item.id, link.id, { link: { type: answer.type, "@libre.graph.displayName": answer.name } });
    if (answer.expires !== link.expirationDateTime && (answer.expires || link.expirationDateTime)) await sharing.change(item.id, link.id, { expirationDateTime: answer.expires ?? null });
    if (answer.password === "" && link.hasPassword) await sharing.setPassword(item.id, link.id, "");
  } catch (e) {
    app.toasts.error(app.language.$gettext("The link could not be changed."), e);
  } finally {
    await changed(app, item);
  }
}

/** copyQuick copies the item's quick link. It is made if there is none; where a password is needed, the person is asked for it. */
export async function copyQuick(app: App, item: Resource): Promise<void> {
  const { $gettext } = app.language;
  try {
    const sharing = new Sharing(app.http);
    const type = usual(app.capabilities.value);
    let link = quick((await sharing.list(item.id)).value);
    if (!link) {
      link = mustHave(type, app.capabilities.value) ? await create(app, item, true) : await sharing.createLink(item.id, { type, "@libre.graph.quickLink": true, displayName: $gettext("Link") });
      await changed(app, item);
    }
    if (link?.link) await copy(app, link.link.webUrl);
  } catch (e) {
    app.toasts.error($gettext("The link could not be created."), e);
  }
}

/** copy puts an address on the clipboard. */
export async function copy(app: App, url: string): Promise<void> {
  const { $gettext } = app.language;
  try {
    await navigator.clipboard.writeText(url);
    app.toasts.info($gettext("The link was copied."));
  } catch {
    app.toasts.info(url); // the browser lets nobody copy: it can be read at least
  }
}
