import { expect, test } from "vitest";
import { hold } from "./leave";

test("leaving is asked about as long as anything holds", () => {
  const asked = () => !dispatchEvent(new Event("beforeunload", { cancelable: true }));
  expect(asked()).toBe(false);
  const [a, b] = [hold(), hold()];
  a();
  a(); // counts once
  expect(asked()).toBe(true);
  b();
  expect(asked()).toBe(false);
});
