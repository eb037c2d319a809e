import { expect, test } from "vitest";
import type { App } from "@/app/app";
import { ApiError } from "@/api/http";
import { work, type Progress } from "./work";

// app answers each dialog with the next answer, once the work is over.
function app(...answers: (true | undefined)[]) {
  const said: string[] = [];
  const shown: Progress[] = [];
  const fake = {
    language: { $gettext: (t: string) => t },
    toasts: { error: (text: string) => said.push(text) },
    dialogs: {
      show: async (_: unknown, { progress }: { progress: Progress }) => {
        while (!progress.over) await new Promise((resolve) => setTimeout(resolve, 1));
        shown.push({ ...progress });
        return answers.shift();
      },
    },
  };
  return { app: fake as unknown as App, said, shown };
}
const what = <T>(items: T[], task: (i: T) => Promise<unknown>) => ({ title: "Working", items, name: String, failed: (n: string) => `${n} failed`, task });

test("what goes well is not spoken of", async () => {
  const a = app();
  const done: number[] = [];
  await work(a.app, what([1, 2, 3], (n) => Promise.resolve(done.push(n))));
  expect(done).toEqual([1, 2, 3]);
  expect([a.said, a.shown]).toEqual([[], []]);
});

test("one that fails is told as anywhere", async () => {
  const a = app();
  await work(a.app, what([1], () => Promise.reject(new Error("no"))));
  expect(a.said).toEqual(["1 failed"]);
});

test("of many, those that failed are named, and only they are tried again", async () => {
  const a = app(true);
  const tried: number[] = [];
  await work(a.app, what([1, 2, 3], (n) => {
    tried.push(n);
    return n === 2 && tried.length <= 3 ? Promise.reject(new ApiError(403, "", "")) : Promise.resolve();
  }));
  expect(a.shown).toMatchObject([{ total: 3, done: 3, failed: [{ name: "2", why: "You do not have permission for this." }] }]);
  expect(tried).toEqual([1, 2, 3, 2]);
});

test("stopped: nothing more is begun", async () => {
  const a = app();
  const done: number[] = [];
  a.app.dialogs.show = (async (_: unknown, { progress }: { progress: Progress }) => void (progress.stopped = true)) as never;
  await work(a.app, what(Array.from({ length: 40 }, (_, i) => i), async (n) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    done.push(n);
  }));
  expect(done.length).toBeGreaterThan(0);
  expect(done.length).toBeLessThan(40);
});
