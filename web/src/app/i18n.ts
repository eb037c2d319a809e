import { createGettext, type Language } from "vue3-gettext";
import { Own } from "@/api/account";
import type { App } from "./app";
import { attempt } from "./attempt";

/** languages are those that there are texts for. */
export const languages: Record<string, string> = { en: "English", de: "Deutsch", es: "Español", fr: "Français" };

type Messages = Record<string, string | string[] | Record<string, string>>;
const load: Record<string, () => Promise<{ default: Messages }>> = {
  de: () => import("virtual:messages/de"),
  es: () => import("virtual:messages/es"),
  fr: () => import("virtual:messages/fr"),
};
const key = "oc_language";

/** pick chooses the first wanted language that we have, without its region if need be. */
export function pick(wanted: readonly string[]): string {
  for (const w of wanted) {
    const lang = w.toLowerCase().split(/[-_]/)[0];
    if (lang && lang in languages) return lang;
  }
  return "en";
}

/** initial is the language to begin with: chosen here before, or the browser's. */
export const initial = (): string => pick([localStorage.getItem(key) ?? "", ...navigator.languages]);

/** createLanguage makes the translator; `use` gives it a language. */
export const createLanguage = () => createGettext({ availableLanguages: languages, defaultLanguage: "en", translations: {}, silent: true });

/** use loads a language and switches to it. */
export async function use(language: Language, lang: string): Promise<void> {
  if (load[lang] && !language.translations[lang]) {
    const { default: texts } = await load[lang]();
    language.translations = { ...language.translations, [lang]: texts as never };
  }
  language.current = lang;
  document.documentElement.lang = lang;
  document.documentElement.dir = /^(ar|fa|he|ur)$/.test(lang) ? "rtl" : "ltr";
}

/** choose switches to a language for good: here, and in the account of whoever is signed in, where it counts more. */
export async function choose(app: App, lang: string): Promise<void> {
  const { language: t, me } = app;
  remember(lang);
  await use(t, lang);
  if (!app.session.token || !(await attempt(app, t.$gettext("The language could not be saved."), () => new Own(app.http).language(lang)))) return;
  if (me.value) me.value = { ...me.value, preferredLanguage: lang };
}

/** remember keeps a choice for the next visit. */
export const remember = (lang: string): void => localStorage.setItem(key, lang);
