// What is done with spaces.
import { Ban, BookOpenText, CirclePlay, Files, Image, Pencil, Trash2, UserPlus } from "@lucide/vue";
import { can, type App } from "@/app/app";
import { attempt } from "@/app/attempt";
import type { Drive } from "@/api/graph";
import { is } from "@/api/http";
import { disabled, Spaces, special } from "@/api/spaces";
import { folderUrl, panelUrl } from "@/features/files/location";
import { refresh } from "@/features/files/queries";
import type { MenuEntry } from "@/ui/menu";
import ConfirmDialog from "@/ui/ConfirmDialog.vue";
import { address, readmeKey } from "./files";
import ReadmeDialog from "./ReadmeDialog.vue";
import SpaceDialog, { type Answer } from "./SpaceDialog.vue";

const api = (app: App) => new Spaces(app.http);

/** reload asks for the spaces again. */
export async function reload(app: App): Promise<void> {
  app.drives.value = await app.graph.drives();
}

/** create asks for a name and makes a space. */
export async function create(app: App): Promise<void> {
  const { $gettext } = app.language;
  const answer = await app.dialogs.show<Answer>(SpaceDialog, { quota: can(app, "Drives.ReadWriteProjectQuota.all") });
  if (!answer) return;
  const { name, ...more } = answer;
  const done = await attempt(app, $gettext("“%{name}” could not be created.", { name }), async () => {
    const made = await api(app).create(name, more);
    await reload(app);
    await app.router.push(folderUrl(made, "/"));
  });
  if (done) app.toasts.info($gettext("The space “%{name}” was created.", { name }));
}

/** edit asks for name, description and quota, and changes what is different. */
export async function edit(app: App, drive: Drive): Promise<void> {
  const { $gettext } = app.language;
  const answer = await app.dialogs.show<Answer>(SpaceDialog, { drive, quota: can(app, "Drives.ReadWriteProjectQuota.all") });
  const to = answer && difference(drive, answer);
  if (!to) return;
  await attempt(app, $gettext("“%{name}” could not be changed.", { name: drive.name }), () => api(app).change(drive.id, to));
  await Promise.all([reload(app), refresh(app.queries, { driveId: drive.id, path: "/" })]);
}

/** difference is what an answer changes of a space, or undefined if nothing. */
export function difference(drive: Drive, a: Answer): { name?: string; description?: string; quota?: { total: number } } | undefined {
  const to = {
    ...(a.name === drive.name ? {} : { name: a.name }),
    ...(a.description === (drive.description ?? "") ? {} : { description: a.description }),
    ...(a.total === undefined || a.total === (drive.quota?.total ?? 0) ? {} : { quota: { total: a.total } }),
  };
  return Object.keys(to).length ? to : undefined;
}

/** picture lets the person choose a picture, puts it into the space's hidden folder and makes it the space's own. */
export async function picture(app: App, drive: Drive): Promise<void> {
  const { $gettext } = app.language;
  const file = await choose("image/png,image/jpeg,image/gif,image/webp");
  if (!file) return;
  await attempt(app, $gettext("The picture could not be set."), async () => {
    await hiddenFolder(app, drive);
    const { id } = await app.dav.put({ driveId: drive.id, path: `/.space/${file.name}` }, file, { mime: file.type });
    await api(app).change(drive.id, { special: [{ id, specialFolder: { name: "image" } }] });
  });
  await reload(app);
}

/** readme lets the person write the space's readme. What somebody else wrote meanwhile is not lost: 412. */
export async function readme(app: App, drive: Drive): Promise<void> {
  const { $gettext } = app.language;
  const url = address(drive, "readme");
  await attempt(app, $gettext("The readme could not be opened."), async () => {
    const old = url ? await app.http.send("GET", url) : undefined;
    const etag = old?.headers.get("ETag");
    const save = async (text: string) => {
      if (url) await app.http.send("PUT", url, { headers: { "Content-Type": "text/markdown", ...(etag ? { "If-Match": etag } : {}) }, body: text });
      else {
        await hiddenFolder(app, drive);
        const { id } = await app.dav.put({ driveId: drive.id, path: "/.space/readme.md" }, text, { mime: "text/markdown" });
        await api(app).change(drive.id, { special: [{ id, specialFolder: { name: "readme" } }] });
      }
      await reload(app);
      await app.queries.invalidateQueries({ queryKey: readmeKey(app.drives.value?.find((d) => d.id === drive.id)) });
      await refresh(app.queries, { driveId: drive.id, path: "/" });
    };
    await app.dialogs.show(ReadmeDialog, { text: (await old?.text()) ?? "", save });
  });
}

// hiddenFolder makes sure that there is where picture and readme are kept.
async function hiddenFolder(app: App, drive: Drive) {
  await app.dav.mkcol({ driveId: drive.id, path: "/.space" }).catch((e: unknown) => {
    if (!is(e, 405)) throw e; // it is there
  });
}

function choose(accept: string): Promise<File | undefined> {
  return new Promise((resolve) => {
    const input = Object.assign(document.createElement("input"), { type: "file", accept });
    input.addEventListener("change", () => resolve(input.files?.[0]));
    input.addEventListener("cancel", () => resolve(undefined));
    input.click();
  });
}

/** menu is what the person can do with a space, as one who manages it or not; a disabled one is seen by managers only. */
export function menu(app: App, drive: Drive, manages: boolean, after: () => Promise<void> = () => reload(app)): MenuEntry[] {
  const { $gettext } = app.language;
  const off = disabled(drive);
  const ask = async (title: string, text: string, action: string, failed: string, task: () => Promise<void>) => {
    if (!(await app.dialogs.show<boolean>(ConfirmDialog, { title, text, action }))) return;
    await attempt(app, failed, task);
    await after();
  };
  const name = { name: drive.name };
  const failed = $gettext("“%{name}” could not be changed.", name);
  if (off) {
    return [
      { id: "enable", label: $gettext("Enable"), icon: CirclePlay, group: "state", run: () => void attempt(app, failed, () => api(app).enable(drive)).then(after) },
      { id: "delete", label: $gettext("Delete"), icon: Trash2, group: "state", danger: true, run: () => void ask($gettext("Delete the space?"), $gettext("“%{name}” and all that is in it is deleted for good.", name), $gettext("Delete"), failed, () => api(app).remove(drive.id)) },
    ];
  }
  const look: MenuEntry[] = [
    { id: "members", label: $gettext("Members"), icon: UserPlus, group: "look", to: panelUrl(drive, "/", "sharing") },
    { id: "trash", label: $gettext("Deleted files"), icon: Trash2, group: "look", to: `/files/trash/${drive.driveAlias}` },
  ];
  // Who may make spaces may make one of what they see.
  if (can(app, "Drives.Create.all")) look.push({ id: "duplicate", label: $gettext("Duplicate"), icon: Files, group: "look", run: () => void import("./duplicate").then(({ duplicate }) => duplicate(app, drive, after)) });
  if (!manages) return look;
  return [
    { id: "edit", label: $gettext("Name, description, quota"), icon: Pencil, group: "edit", run: () => void edit(app, drive).then(after) },
    { id: "picture", label: special(drive, "image") ? $gettext("Change the picture") : $gettext("Set a picture"), icon: Image, group: "edit", run: () => void picture(app, drive) },
    { id: "readme", label: special(drive, "readme") ? $gettext("Edit the readme") : $gettext("Write a readme"), icon: BookOpenText, group: "edit", run: () => void readme(app, drive) },
    ...look,
    { id: "disable", label: $gettext("Disable"), icon: Ban, group: "state", danger: true, run: () => void ask($gettext("Disable the space?"), $gettext("Nobody can use “%{name}” until it is enabled again. Nothing in it is lost.", name), $gettext("Disable"), failed, () => api(app).disable(drive.id)) },
  ];
}
