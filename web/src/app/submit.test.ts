import { expect, test } from "vitest";
import { useSubmit } from "./submit";

test("a form is busy while it is sent, and closed when that went well", async () => {
  let closed = 0;
  let finish: () => void = () => undefined;
  const { busy, refused, submit } = useSubmit(() => new Promise<void>((resolve) => (finish = resolve)), () => closed++);
  const sent = submit();
  expect([busy.value, closed]).toEqual([true, 0]);
  finish();
  await sent;
  expect([busy.value, refused.value, closed]).toEqual([false, undefined, 1]);
});

test("what was refused is told, and forgotten with the next try", async () => {
  let error: Error | undefined = new Error("no");
  let closed = 0;
  const { busy, refused, submit } = useSubmit(() => (error ? Promise.reject(error) : Promise.resolve()), () => closed++);
  await submit();
  expect([busy.value, refused.value, closed]).toEqual([false, error, 0]);
  error = undefined;
  await submit();
  expect([refused.value, closed]).toEqual([undefined, 1]);
});
