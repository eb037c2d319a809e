import { expect, test } from "vitest";
import { Gestures } from "./gestures";

function fingers() {
  const said: unknown[] = [];
  const g = new Gestures({ move: (p) => said.push(["move", p.x, p.y]), zoom: (by) => said.push(["zoom", by]), swipe: (by) => said.push(["swipe", by]) });
  return { g, said };
}

test.each([
  ["to the left: next", 200, 0, ["swipe", 1]],
  ["to the right: previous", -200, 10, ["swipe", -1]],
  ["down: nothing", 70, 200, undefined],
  ["a tap: nothing", 3, 0, undefined],
])("one finger %s", (_, x, y, want) => {
  const { g, said } = fingers();
  g.press(1, { x: 300, y: 300 });
  g.release(1, { x: 300 - x, y: 300 - y });
  expect(said.at(-1)).toEqual(want);
});

test("one finger moves, two zoom and do not swipe", () => {
  const { g, said } = fingers();
  g.press(1, { x: 0, y: 0 });
  g.drag(1, { x: 5, y: 6 });
  g.drag(1, { x: 6, y: 6 });
  g.press(2, { x: 106, y: 6 });
  g.drag(2, { x: 206, y: 6 });
  g.release(2, { x: 306, y: 6 });
  g.release(1, { x: 506, y: 6 });
  expect(said).toEqual([["move", 5, 6], ["move", 1, 0], ["zoom", 2]]);
});

test("pointers that were never pressed, or were cancelled, do nothing", () => {
  const { g, said } = fingers();
  g.drag(1, { x: 5, y: 6 });
  g.press(1, { x: 0, y: 0 });
  g.cancel(1);
  g.release(1, { x: 300, y: 0 });
  expect(said).toEqual([]);
});
