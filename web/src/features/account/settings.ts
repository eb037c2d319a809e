// The person's settings as the server describes them: what is set, and what to send. (spec/services.md §17.3)
import type { Setting, Value } from "@/api/account";

/** on tells whether a switch is on. */
export const on = (s: Setting, v?: Value): boolean => v?.boolValue ?? s.boolValue?.default ?? false;

/** chosen is what is chosen of several. */
export const chosen = (s: Setting, v?: Value): string => v?.listValue?.values[0]?.stringValue ?? s.singleChoiceValue?.options.find((o) => o.default)?.value.stringValue ?? "";

/** ticked tells whether an option of a collection is on. */
export function ticked(s: Setting, key: string, v?: Value): boolean {
  return v?.collectionValue?.values.find((x) => x.key === key)?.boolValue ?? s.multiChoiceCollectionValue?.options.find((o) => o.key === key)?.value.boolValue?.default ?? false;
}

const base = (s: Setting, v?: Value) => ({ settingId: s.id, ...(v?.id ? { id: v.id } : {}) });

/** withSwitch, withChoice and withTick are what to save. */
export const withSwitch = (s: Setting, to: boolean, v?: Value): Value => ({ ...base(s, v), boolValue: to });
export const withChoice = (s: Setting, to: string, v?: Value): Value => ({ ...base(s, v), listValue: { values: [{ stringValue: to }] } });
export function withTick(s: Setting, key: string, to: boolean, v?: Value): Value {
  const keys = (s.multiChoiceCollectionValue?.options ?? []).filter((o) => o.attribute !== "disabled").map((o) => o.key);
  return { ...base(s, v), collectionValue: { values: keys.map((k) => ({ key: k, boolValue: k === key ? to : ticked(s, k, v) })) } };
}
