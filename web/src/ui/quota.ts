// Quotas as people enter them: gigabytes; 0 is without limit.

/** gigabytes writes a quota for a field; "" is without limit. */
export const gigabytes = (total: number | undefined): string => (total ? `${Math.round(total / 1e7) / 100}` : "");

/** quotaOf reads such a field; undefined if it is no quota. */
export function quotaOf(text: string): number | undefined {
  const s = text.trim().replace(",", ".");
  if (!s) return 0;
  return /^\d+(\.\d+)?$/.test(s) && Number(s) > 0 ? Math.round(Number(s) * 1e9) : undefined;
}
