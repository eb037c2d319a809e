import { expect, test } from "vitest";
import { Speed } from "./speed";

test("the rate is that of the last ten seconds", () => {
  const s = new Speed();
  expect(s.rate(0)).toBe(0);
  for (let t = 0; t <= 4000; t += 1000) s.sent(1000, t);
  expect(s.rate(5000)).toBe(1000);
  expect(s.rate(9000)).toBeCloseTo(555.6, 0);
  expect(s.rate(60_000)).toBe(0);
});

test("a moment after the beginning nothing is claimed", () => {
  const s = new Speed();
  s.sent(1_000_000, 100);
  expect(s.rate(101)).toBe(0);
});
