// What everybody may choose, with and without an account: theme and language; and what the operator wants to be found.
import { ExternalLink, Languages, Monitor, Moon, Sun } from "@lucide/vue";
import type { MenuEntry } from "@/ui/menu";
import type { App } from "./app";
import LanguageDialog from "./LanguageDialog.vue";

/** preferences are entries of the menu for the person, or for whoever is there without an account. */
export function preferences(app: App): MenuEntry[] {
  const { $gettext } = app.language;
  return [
    ...([["auto", $gettext("System theme"), Monitor], ["light", $gettext("Light"), Sun], ["dark", $gettext("Dark"), Moon]] as const).map(([id, label, icon]) => ({
      id: `theme-${id}`, label, icon, group: "theme", checked: app.theme.scheme.value === id, run: () => app.theme.choose(id),
    })),
    { id: "language", label: $gettext("Language"), icon: Languages, group: "help", run: () => void app.dialogs.show(LanguageDialog) },
  ];
}

/** notices are the operator's pages, as the imprint. */
export function notices(app: App): MenuEntry[] {
  const { $gettext } = app.language;
  return ([["imprint", $gettext("Imprint")], ["privacy", $gettext("Privacy")], ["accessibility", $gettext("Accessibility")]] as const).flatMap(([id, label]) => {
    const to = app.theme.brand.value.links[id];
    return to ? [{ id, label, icon: ExternalLink, group: "links", run: () => void window.open(to, "_blank", "noopener") }] : [];
  });
}
