import { expect, test } from "vitest";
import { all, none, pick, prune, step } from "./selection";

const order = ["a", "b", "c", "d", "e"];
const chosen = (s: { chosen: ReadonlySet<string> }) => [...s.chosen].sort().join("");

test("clicks", () => {
  let s = pick(none, order, "b");
  expect(chosen(s)).toBe("b");
  s = pick(s, order, "d", { toggle: true });
  expect(chosen(s)).toBe("bd");
  s = pick(s, order, "b", { toggle: true });
  expect(chosen(s)).toBe("d");
  s = pick(s, order, "a");
  expect(chosen(s)).toBe("a");
});

test("ranges begin where the last click was, and shrink again", () => {
  let s = pick(none, order, "b");
  s = pick(s, order, "e", { range: true });
  expect(chosen(s)).toBe("bcde");
  s = pick(s, order, "c", { range: true });
  expect(chosen(s)).toBe("bc");
  s = pick(s, order, "a", { range: true });
  expect(chosen(s)).toBe("ab");
  expect(chosen(pick({ ...s, chosen: new Set(["e"]) }, order, "c", { range: true, toggle: true }))).toBe("bce");
});

test("a range without a beginning is a click", () => expect(chosen(pick(none, order, "c", { range: true }))).toBe("c"));

test("keys", () => {
  let s = step(none, order, 1);
  expect(s.at).toBe("a");
  s = step(s, order, 1, { range: true });
  s = step(s, order, 1, { range: true });
  expect(chosen(s)).toBe("abc");
  s = step(s, order, -1, { range: true });
  expect(chosen(s)).toBe("ab");
  s = step(s, order, 99);
  expect(s.at).toBe("e");
  s = step(s, order, -1, { toggle: true });
  expect(s.at + chosen(s)).toBe("de");
  expect(step(none, order, -1).at).toBe("e");
  expect(step(none, [], 1)).toBe(none);
  expect(step(none, order, Infinity).at).toBe("e");
  expect(step(none, order, -Infinity).at).toBe("a");
  expect(chosen(step(step(none, order, Infinity), order, -Infinity, { range: true }))).toBe("abcde");
});

test("what is gone is forgotten", () => {
  const s = all(pick(none, order, "b"), order);
  const p = prune(s, ["a", "c"]);
  expect(chosen(p)).toBe("ac");
  expect(p.at).toBeUndefined();
  expect(prune(p, ["a", "c", "x"])).toBe(p);
});
