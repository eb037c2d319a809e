// Sizes and times as people read them.
import type { Language } from "vue3-gettext";
import type { Quota } from "@/api/graph";

/** bytes writes a size in the person's language, in powers of 1000. */
export function bytes(n: number, lang: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];
  let i = 0;
  let value = n;
  while (value >= 999.5 && i < units.length - 1) {
    value /= 1000;
    i++;
  }
  return formatter(lang, units[i] ?? "byte", i > 0 && value < 10 ? 1 : 0).format(value);
}

/** filled says how much of a quota is used. */
export function filled(q: Quota | undefined, { $gettext, current }: Language): string {
  const used = bytes(q?.used ?? 0, current);
  return q?.total ? $gettext("%{used} of %{total} used", { used, total: bytes(q.total, current) }) : $gettext("%{used} used", { used });
}

/** share is how much of a quota is used, 0 to 1; undefined without a limit. */
export const share = (q: Quota | undefined): number | undefined => (q?.total ? Math.min(1, (q.used ?? 0) / q.total) : undefined);

const formatters = new Map<string, Intl.NumberFormat>();
function formatter(lang: string, unit: string, digits: number) {
  const key = `${lang} ${unit} ${digits}`;
  let f = formatters.get(key);
  if (!f) formatters.set(key, (f = new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: unit === "byte" ? "long" : "short", maximumFractionDigits: digits })));
  return f;
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [["year", 31_536_000], ["month", 2_592_000], ["week", 604_800], ["day", 86_400], ["hour", 3_600], ["minute", 60]];
const relatives = new Map<string, Intl.RelativeTimeFormat>();

/** ago writes how long ago a time is: "3 days ago". */
export function ago(ms: number, lang: string, now = Date.now()): string {
  let f = relatives.get(lang);
  if (!f) relatives.set(lang, (f = new Intl.RelativeTimeFormat(lang, { numeric: "auto" })));
  const s = Math.round((ms - now) / 1000);
  for (const [unit, size] of steps) if (Math.abs(s) >= size) return f.format(Math.trunc(s / size), unit);
  return f.format(0, "second");
}

const days = new Map<string, Intl.DateTimeFormat>();

/** day writes the day of a time. */
export function day(ms: number, lang: string): string {
  let f = days.get(lang);
  if (!f) days.set(lang, (f = new Intl.DateTimeFormat(lang, { dateStyle: "medium" })));
  return f.format(ms);
}

const dates = new Map<string, Intl.DateTimeFormat>();

/** date writes a time in full. */
export function date(ms: number, lang: string): string {
  let f = dates.get(lang);
  if (!f) dates.set(lang, (f = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" })));
  return f.format(ms);
}
