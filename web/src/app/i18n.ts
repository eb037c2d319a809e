import { createGettext, type Language } from "vue3-gettext";

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

/** remember keeps a choice for the next visit. */
export const remember = (lang: string): void => localStorage.setItem(key, lang);
