// Passwords of links: what the server asks of them, and making good ones. (spec/services.md §17.1 password_policy)

/** Rule is one demand, and whether a password meets it. */
export interface Rule {
  name: "min" | "max" | "lower" | "upper" | "digits" | "special";
  n: number;
  met: boolean;
}

const count = (s: string, of: RegExp) => (s.match(of) ?? []).length;

/** rules lists what the policy asks. */
export function rules(password: string, policy: Record<string, number> = {}): Rule[] {
  const length = [...password].length;
  const all: [Rule["name"], number | undefined, (n: number) => boolean][] = [
    ["min", policy.min_characters, (n) => length >= n],
    ["max", policy.max_characters, (n) => length <= n],
    ["lower", policy.min_lowercase_characters, (n) => count(password, /\p{Ll}/gu) >= n],
    ["upper", policy.min_uppercase_characters, (n) => count(password, /\p{Lu}/gu) >= n],
    ["digits", policy.min_digits, (n) => count(password, /\p{Nd}/gu) >= n],
    ["special", policy.min_special_characters, (n) => count(password, /[^\p{L}\p{N}\s]/gu) >= n],
  ];
  return all.flatMap(([name, n, met]) => (n ? [{ name, n, met: met(n) }] : []));
}

/** good tells whether a password meets all rules. */
export const good = (password: string, policy?: Record<string, number>): boolean => rules(password, policy).every((r) => r.met);

// Without letters and digits that look alike.
const sets = { lower: "abcdefghijkmnpqrstuvwxyz", upper: "ABCDEFGHJKLMNPQRSTUVWXYZ", digits: "23456789", special: "!#$%&*+-=?@_" };

/** generate makes a password of at least 12 characters that meets the policy. */
export function generate(policy: Record<string, number> = {}): string {
  const pick = (set: string) => set[below(set.length)] ?? "";
  const chars = [
    ...Array.from({ length: Math.max(2, policy.min_lowercase_characters ?? 0) }, () => pick(sets.lower)),
    ...Array.from({ length: Math.max(2, policy.min_uppercase_characters ?? 0) }, () => pick(sets.upper)),
    ...Array.from({ length: Math.max(2, policy.min_digits ?? 0) }, () => pick(sets.digits)),
    ...Array.from({ length: Math.max(1, policy.min_special_characters ?? 0) }, () => pick(sets.special)),
  ];
  const all = Object.values(sets).join("");
  while (chars.length < Math.max(12, policy.min_characters ?? 0)) chars.push(pick(all));
  for (let i = chars.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [chars[i], chars[j]] = [chars[j] ?? "", chars[i] ?? ""];
  }
  return chars.join("");
}

// below is a random number from 0 to n-1, each as likely.
function below(n: number): number {
  const limit = 2 ** 32 - (2 ** 32 % n);
  const box = new Uint32Array(1);
  do crypto.getRandomValues(box);
  while ((box[0] ?? 0) >= limit);
  return (box[0] ?? 0) % n;
}
