// Which entries of a list are chosen. A value, changed by functions, so that it is easy to test.

/** Selection is what is chosen, the entry that keys go on from, and the one that a range begins at. */
export interface Selection {
  chosen: ReadonlySet<string>;
  at?: string;
  anchor?: string;
}

export const none: Selection = { chosen: new Set() };

/** Hold is which keys are held: toggle (Ctrl, ⌘) keeps the others, range (Shift) takes all between. */
export interface Hold {
  toggle?: boolean;
  range?: boolean;
}

/** pick is a click on an entry. */
export function pick(s: Selection, order: readonly string[], id: string, hold: Hold = {}): Selection {
  if (hold.range && s.anchor !== undefined && order.includes(s.anchor)) {
    const span = between(order, s.anchor, id);
    return { chosen: new Set(hold.toggle ? [...s.chosen, ...span] : span), at: id, anchor: s.anchor };
  }
  if (!hold.toggle) return { chosen: new Set([id]), at: id, anchor: id };
  const chosen = new Set(s.chosen);
  if (!chosen.delete(id)) chosen.add(id);
  return { chosen, at: id, anchor: id };
}

/** step moves by keys: `by` entries on or back, by Infinity to the end or the beginning. With range the chosen grow or shrink; with toggle only the place moves. */
export function step(s: Selection, order: readonly string[], by: number, hold: Hold = {}): Selection {
  if (order.length === 0) return none;
  const from = s.at === undefined ? -1 : order.indexOf(s.at);
  const to = order[from < 0 && Number.isFinite(by) ? (by > 0 ? 0 : order.length - 1) : Math.max(0, Math.min(order.length - 1, from + by))];
  if (to === undefined) return s;
  if (hold.toggle && !hold.range) return { ...s, at: to };
  return pick(s, order, to, hold.range ? { range: true } : {});
}

/** all chooses everything. */
export const all = (s: Selection, order: readonly string[]): Selection => ({ ...s, chosen: new Set(order) });

/** prune forgets what is no longer listed. It returns the same value if there is nothing to forget. */
export function prune(s: Selection, order: readonly string[]): Selection {
  const there = new Set(order);
  if ([...s.chosen].every((id) => there.has(id)) && (s.at === undefined || there.has(s.at))) return s;
  const keep = (id?: string) => (id !== undefined && there.has(id) ? id : undefined);
  const [at, anchor] = [keep(s.at), keep(s.anchor)];
  return { chosen: new Set([...s.chosen].filter((id) => there.has(id))), ...(at ? { at } : {}), ...(anchor ? { anchor } : {}) };
}

function between(order: readonly string[], a: string, b: string): readonly string[] {
  const [i, j] = [order.indexOf(a), order.indexOf(b)];
  return order.slice(Math.min(i, j), Math.max(i, j) + 1);
}
