/** duration writes a time span roughly: "5 sec", "12 min", "3 hr". */
export function duration(seconds: number, lang: string): string {
  const s = Math.max(1, Math.ceil(seconds));
  const [n, unit] = s < 100 ? [s, "second"] : s < 5400 ? [Math.round(s / 60), "minute"] : [Math.round(s / 3600), "hour"];
  return new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "short" }).format(n);
}
