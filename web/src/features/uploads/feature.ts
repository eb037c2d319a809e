import { FolderUp, Upload } from "@lucide/vue";
import { defineAsyncComponent, defineComponent, h } from "vue";
import { useApp } from "@/app/app";
import type { Context, Feature } from "@/app/registry";
import { place } from "@/features/files/location";
import { mayCreate } from "@/features/files/permissions";
import { forget, Memory } from "./memory";
import { pick } from "./pick";
import { upload, useUploads } from "./store";
import { chosen, dropped } from "./tree";

const Panel = defineAsyncComponent(() => import("./UploadPanel.vue"));
const within = (c: Context) => c.where === "files" && mayCreate(c.folder);

// The panel is loaded when there is something to show.
const Overlay = defineComponent({
  setup() {
    const app = useApp();
    const store = useUploads();
    app.session.leaving.push(forget);
    if (new Memory(app).filled) void import("./start").then(({ start }) => start(app));
    return () => (store.queue?.list.value.length ? h(Panel, { queue: store.queue }) : null);
  },
});

async function choose(c: Context, folder: boolean) {
  const files = await pick(folder);
  if (c.folder && files.length) await upload(c.app, place(c.folder), chosen(files));
}

export default {
  overlays: [Overlay],
  create: [
    { id: "upload-files", label: ({ $gettext }) => $gettext("Upload files"), icon: Upload, order: 30, applies: within, run: (c) => choose(c, false) },
    { id: "upload-folder", label: ({ $gettext }) => $gettext("Upload a folder"), icon: FolderUp, order: 31, applies: within, run: (c) => choose(c, true) },
  ],
  receive: [
    (c, data) => {
      const found = within(c) ? dropped(data) : undefined;
      if (c.folder && found) void upload(c.app, place(c.folder), found);
      return !!found;
    },
  ],
} satisfies Feature;
