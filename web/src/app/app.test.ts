import { expect, test } from "vitest";
import { safe } from "@/auth/session";
import { readConfig } from "./config";
import { ago, bytes } from "./format";
import { pick } from "./i18n";
import { gather, type Feature } from "./registry";
import { keyLabel, keyName } from "./shortcuts";
import { readTheme } from "./theme";

test.each([["/files?x=1#y", "/files?x=1#y"], ["//evil.example", "/"], ["/\\evil.example", "/"], ["https://evil.example", "/"], ["javascript:alert(1)", "/"], ["/\t/evil.example", "/"], [undefined, "/"], [{}, "/"]])("after signing in to %j: %s", (to, want) => {
  expect(safe(to)).toBe(want);
});

test("config.json", () => {
  expect(readConfig({ server: "https://c/", theme: "t" }, "https://o")).toMatchObject({ server: "https://c", openIdConnect: { authority: "https://o", client_id: "web" }, options: {} });
  for (const bad of [null, "x", {}, { server: 1, theme: "t" }, { server: "s" }]) expect(() => readConfig(bad, "")).toThrow();
});

test("themes give colours and nothing else", () => {
  const theme = readTheme({ common: { name: "ACME" }, clients: { web: { defaults: { logo: "l.svg", favicon: "f.svg" }, themes: [
    { isDark: false, designTokens: { roles: { primary: "#123456", onPrimary: "red;background:url(//evil.example)", surface: "#fff" } } },
    { isDark: true, designTokens: { roles: { primary: "rgb(1, 2, 3)" } } },
  ] } } });
  expect(theme).toEqual({ name: "ACME", logo: "l.svg", favicon: "f.svg", links: {}, light: { "--brand": "#123456" }, dark: { "--brand": "rgb(1, 2, 3)" } });
  expect(readTheme({}).name).toBe("OpenCloud");
});

test("languages", () => {
  expect(pick(["", "pt-BR", "de-AT", "fr"])).toBe("de");
  expect(pick(["xx"])).toBe("en");
});

test("sizes and times", () => {
  expect(bytes(0, "en")).toBe("0 bytes");
  expect(bytes(999, "en")).toBe("999 bytes");
  expect(bytes(1500, "en")).toBe("1.5 kB");
  expect(bytes(999_999, "en")).toBe("1 MB");
  expect(bytes(25e9, "de")).toBe("25\u00a0GB");
  const now = Date.UTC(2026, 0, 10);
  expect(ago(now - 5_000, "en", now)).toBe("now");
  expect(ago(now - 3 * 86_400_000, "en", now)).toBe("3 days ago");
});

test("keys", () => {
  const key = (o: KeyboardEventInit) => keyName(new KeyboardEvent("keydown", o), false);
  expect(key({ key: "c", ctrlKey: true })).toBe("Mod+C");
  expect(key({ key: "?", shiftKey: true })).toBe("?");
  expect(key({ key: " " })).toBe("Space");
  expect(key({ key: "Delete", shiftKey: true })).toBe("Shift+Delete");
  expect(keyName(new KeyboardEvent("keydown", { key: "c", metaKey: true }), true)).toBe("Mod+C");
  expect(keyLabel("Mod+C", true)).toBe("⌘C");
  expect(keyLabel("Mod+C", false)).toBe("Ctrl+C");
});

test("what features contribute is in order", () => {
  const item = (id: string, order: number) => ({ id, order, label: () => id, icon: {}, to: () => "", active: () => false });
  const action = (id: string, group: "open" | "remove", order: number) => ({ id, group, order, label: () => id, icon: {}, applies: () => true, run: () => undefined });
  const r = gather([{ nav: [item("b", 2)], actions: [action("delete", "remove", 1), action("b", "open", 2)] }, { nav: [item("a", 1)], actions: [action("a", "open", 1)] } satisfies Feature]);
  expect(r.nav.map((n) => n.id)).toEqual(["a", "b"]);
  expect(r.actions.map((a) => a.id)).toEqual(["a", "b", "delete"]);
});
