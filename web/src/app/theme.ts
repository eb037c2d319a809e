import { computed, ref, watchEffect, type Ref } from "vue";
import { inPage } from "./config";

/** Scheme is what a person chose; "auto" follows the system. */
export type Scheme = "auto" | "light" | "dark";

interface ThemeFile {
  common?: { name?: string; logo?: string; urls?: { imprint?: string; privacy?: string; accessibility?: string; accessDeniedHelp?: string } };
  clients?: { web?: { defaults?: Look; themes?: Look[] } };
}
interface Look {
  isDark?: boolean;
  logo?: string;
  favicon?: string;
  designTokens?: { roles?: Record<string, string> };
}

/** Brand is what an operator's theme tells: name, logo, links, and a colour for each scheme. */
export interface Brand {
  name: string;
  logo?: string;
  favicon?: string;
  links: { imprint?: string; privacy?: string; accessibility?: string; accessDeniedHelp?: string };
  light: Record<string, string>;
  dark: Record<string, string>;
}

const schemeKey = "oc_theme";
// role of theme.json → our token (spec/services.md §18.2)
const roles: Record<string, string> = { primary: "--brand", onPrimary: "--on-brand" };

/** Theme is light or dark, and the operator's colours on top. */
export class Theme {
  readonly scheme: Ref<Scheme>;
  readonly brand: Ref<Brand>;
  /** dark is how it looks now. */
  readonly dark = computed(() => (this.scheme.value === "auto" ? this.systemDark.value : this.scheme.value === "dark"));
  private readonly system = matchMedia("(prefers-color-scheme: dark)");
  private readonly systemDark = ref(this.system.matches);

  constructor() {
    const kept = localStorage.getItem(schemeKey);
    this.scheme = ref(kept === "light" || kept === "dark" ? kept : "auto");
    this.brand = ref(readTheme((inPage("oc-theme") ?? {}) as ThemeFile));
    this.system.addEventListener("change", () => (this.systemDark.value = this.system.matches));
    watchEffect(() => {
      const dark = this.dark.value;
      const root = document.documentElement;
      root.dataset.theme = dark ? "dark" : "light";
      for (const token of Object.values(roles)) root.style.removeProperty(token);
      for (const [token, colour] of Object.entries(dark ? this.brand.value.dark : this.brand.value.light)) root.style.setProperty(token, colour);
    });
  }

  /** choose sets the scheme and remembers it. */
  choose(scheme: Scheme): void {
    this.scheme.value = scheme;
    localStorage.setItem(schemeKey, scheme);
  }

  /** load asks this server for the operator's theme, wherever else its address may point; without an answer it stays as it is. */
  async load(address: string): Promise<void> {
    const r = await fetch(new URL(address, location.origin).pathname);
    if (r.ok) this.brand.value = readTheme((await r.json()) as ThemeFile);
  }

  /** finish does what can wait: the theme, where the page came without one, and the picture in the tab. */
  async finish(address: string): Promise<void> {
    if (!inPage("oc-theme")) await this.load(address);
    const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (icon && this.brand.value.favicon) icon.href = this.brand.value.favicon;
  }
}

/** readTheme takes from a theme.json what we use. Only plain colours pass: it is style that goes into every page. */
export function readTheme(file: ThemeFile): Brand {
  const web = file.clients?.web;
  const tokens = (dark: boolean) => {
    const all = { ...(dark ? {} : web?.defaults?.designTokens?.roles), ...web?.themes?.find((t) => !!t.isDark === dark)?.designTokens?.roles };
    return Object.fromEntries(
      Object.entries(roles).flatMap(([role, token]) => {
        const colour = all[role];
        return typeof colour === "string" && /^(#[0-9a-f]{3,8}|(rgb|hsl|oklch)\([\d\s.,%/deg]+\))$/i.test(colour) ? [[token, colour]] : [];
      }),
    );
  };
  const logo = web?.defaults?.logo ?? file.common?.logo;
  const favicon = web?.defaults?.favicon;
  return { name: file.common?.name || "OpenCloud", ...(logo ? { logo } : {}), ...(favicon ? { favicon } : {}), links: file.common?.urls ?? {}, light: tokens(false), dark: tokens(true) };
}
