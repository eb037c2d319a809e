import { expect, test, vi } from "vitest";
import { attempt } from "./attempt";

test("attempt tells what failed, and only then", async () => {
  const error = vi.fn<(text: string, e?: unknown) => number>(() => 1);
  const app = { toasts: { error } } as never;
  expect(await attempt(app, "It failed.", () => Promise.resolve())).toBe(true);
  expect(error).not.toHaveBeenCalled();
  const e = new Error("no");
  expect(await attempt(app, "It failed.", () => Promise.reject(e))).toBe(false);
  expect(error).toHaveBeenCalledWith("It failed.", e);
});
