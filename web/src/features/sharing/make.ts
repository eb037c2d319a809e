import type { App } from "@/app/app";
import { attempt } from "@/app/attempt";
import type { Resource } from "@/api/resource";
import { Sharing, type Permission } from "@/api/sharing";
import { mustHave, quick, usual } from "./links";
import { generate } from "./password";
import LinkDialog, { type Answer } from "./LinkDialog.vue";
import MadeDialog from "./MadeDialog.vue";
import { changed } from "./queries";

/** create asks what a link shall be, makes it and copies its address. */
export async function create(app: App, item: Resource, isQuick = false): Promise<void> {
  let made: Permission | undefined;
  let secret: string | undefined;
  const save = async (a: Answer) => {
    made = await new Sharing(app.http).createLink(item.id, {
      type: a.type,
      ...(a.name ? { displayName: a.name } : {}),
      ...(a.password ? { password: a.password } : {}),
      ...(a.expires ? { expirationDateTime: a.expires } : {}),
      ...(isQuick ? { "@libre.graph.quickLink": true } : {}),
    });
    secret = a.password;
    await changed(app, item);
  };
  await app.dialogs.show(LinkDialog, { folder: item.folder, save });
  if (!made?.link) return;
  const { webUrl } = made.link;
  await copy(app, webUrl);
  if (secret) await app.dialogs.show(MadeDialog, { url: webUrl, password: secret, copy: (all: boolean) => copy(app, webUrl, all ? secret : undefined) });
}

/** change makes a link what was asked for; what stays is not sent. */
export async function change(app: App, item: Resource, link: Permission): Promise<void> {
  const sharing = new Sharing(app.http);
  const save = async (a: Answer) => {
    try {
      // The password first: a wider link may need one.
      if (a.password) await sharing.setPassword(item.id, link.id, a.password);
      if (a.type !== link.link?.type || a.name !== (link.link["@libre.graph.displayName"] ?? "")) await sharing.change(item.id, link.id, { link: { type: a.type, "@libre.graph.displayName": a.name } });
      if (a.expires !== link.expirationDateTime && (a.expires || link.expirationDateTime)) await sharing.change(item.id, link.id, { expirationDateTime: a.expires ?? null });
      if (a.password === "" && link.hasPassword) await sharing.setPassword(item.id, link.id, "");
    } finally {
      await changed(app, item);
    }
  };
  await app.dialogs.show(LinkDialog, { folder: item.folder, link, save });
}

/** copyQuick copies the item's quick link. It is made if there is none; where a password is needed, the person is asked for it. */
export async function copyQuick(app: App, item: Resource): Promise<void> {
  const { $gettext } = app.language;
  try {
    const sharing = new Sharing(app.http);
    const type = usual(app.capabilities.value);
    let link = quick((await sharing.list(item.id)).value);
    if (!link) {
      if (mustHave(type, app.capabilities.value)) return await create(app, item, true);
      link = await sharing.createLink(item.id, { type, "@libre.graph.quickLink": true, displayName: $gettext("Link") });
      await changed(app, item);
    }
    if (link.link) await copy(app, link.link.webUrl);
  } catch (e) {
    app.toasts.error($gettext("The link could not be created."), e);
  }
}

/** copy puts an address on the clipboard, and the password below it if there is one. */
export async function copy(app: App, url: string, password?: string): Promise<void> {
  const { $gettext } = app.language;
  const text = password ? `${url}\n${$gettext("Password: %{password}", { password })}` : url;
  try {
    await navigator.clipboard.writeText(text);
    app.toasts.info(password ? $gettext("Link and password were copied.") : $gettext("The link was copied."));
  } catch {
    app.toasts.info(text); // the browser lets nobody copy: it can be read at least
  }
}

/** tellLinks makes a link to each item and tells them to the page around our frame. */
export async function tellLinks(app: App, items: Resource[]): Promise<void> {
  const { $gettext } = app.language;
  const type = usual(app.capabilities.value);
  const password = mustHave(type, app.capabilities.value) ? generate(app.capabilities.value?.password_policy) : "";
  await attempt(app, $gettext("The link could not be created."), async () => {
    const links: { url: string; password?: string }[] = [];
    for (const item of items) {
      const made = await new Sharing(app.http).createLink(item.id, { type, displayName: $gettext("Link"), ...(password ? { password } : {}) });
      if (made.link) links.push({ url: made.link.webUrl, ...(password ? { password } : {}) });
    }
    app.embed?.tell("share-links", links);
    app.embed?.tell("share", links.map((l) => l.url)); // for pages that know only this
  });
}
