// Life times of app tokens.

/** hoursUntil are the whole hours from now to the end of a day, at least one. */
export const hoursUntil = (day: string, now = Date.now()): number => Math.max(1, Math.ceil((new Date(`${day}T23:59:59`).getTime() - now) / 3_600_000));

/** inDays is the day that many days from now, as fields for days want it. */
export function inDays(n: number, now = new Date()): string {
  const d = new Date(now.getFullYear(), now.getMonth(), now.getDate() + n);
  const two = (x: number) => `${x}`.padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}
