// Keys by name: "Mod+C" is Ctrl+C, or ⌘C on a Mac; "Shift+Delete", "F2", "/", "Escape".

const mac = /Mac|iPhone|iPad/.test(navigator.platform);

/** keyName tells which shortcut an event is. */
export function keyName(e: KeyboardEvent, onMac = mac): string {
  const parts: string[] = [];
  if (onMac ? e.metaKey : e.ctrlKey) parts.push("Mod");
  if (onMac ? e.ctrlKey : e.metaKey) parts.push("Meta");
  if (e.altKey) parts.push("Alt");
  const key = e.key.length === 1 ? e.key.toUpperCase() : e.key;
  if (e.shiftKey && (e.key.length > 1 || /[a-z]/i.test(e.key))) parts.push("Shift");
  parts.push(key === " " ? "Space" : key);
  return parts.join("+");
}

/** keyLabel is how a shortcut is written in menus. */
export function keyLabel(keys: string, onMac = mac): string {
  const names: Record<string, string> = onMac
    ? { Mod: "⌘", Shift: "⇧", Alt: "⌥", Delete: "⌫", Enter: "↵" }
    : { Mod: "Ctrl", Delete: "Del", Enter: "↵", Escape: "Esc" };
  return keys.split("+").map((k) => names[k] ?? k).join(onMac ? "" : "+");
}

/** busy tells whether a key belongs to something else: a field, a menu, a dialog. */
export function busy(e: KeyboardEvent): boolean {
  const t = e.target;
  if (!(t instanceof HTMLElement)) return false;
  return t.isContentEditable || t.matches("input:not([type=checkbox]), textarea, select") || !!t.closest("[role=menu],[role=dialog],[role=alertdialog]") || !!document.querySelector("[role=dialog],[role=alertdialog]");
}
