import { beforeEach, expect, test, vi } from "vitest";
import type { App } from "@/app/app";
import { forget, Memory } from "./memory";
import type { Upload } from "./queue";

const person = (sub?: string) => ({ session: { claims: sub ? { sub } : undefined } }) as unknown as App;
const mary = person("mary");
const upload = (id: string, more: Partial<Upload> = {}): Upload => ({
  id, app: mary, driveId: "d", folder: "/x", name: id, size: 10, modified: 5, overwrite: true, file: new File([], id), url: `/data/${id}`, sent: 4, state: "running", ...more,
});
beforeEach(() => localStorage.clear());

test("what is not done comes back and waits for its file", () => {
  new Memory(mary).keep([upload("a"), upload("b", { state: "done" }), upload("c", { state: "failed", error: new Error("x") })], 1000);
  const back = new Memory(mary).recall(mary, 2000);
  expect(back.map((u) => [u.id, u.state, u.url, u.sent])).toEqual([["a", "forgotten", "/data/a", 4], ["c", "forgotten", "/data/c", 4]]);
  expect(back[0]?.file).toBeUndefined();
});

test("a day later it is gone, and when all is done nothing stays", () => {
  const memory = new Memory(mary);
  memory.keep([upload("a")], 0);
  expect(memory.recall(mary, 86_400_001)).toEqual([]);
  expect(memory.filled).toBe(true);
  memory.keep([upload("a", { state: "done" })]);
  expect(memory.filled).toBe(false);
});

test("nobody sees another person's, strangers leave nothing, and neither do uploads by a link", () => {
  new Memory(mary).keep([upload("a"), upload("b", { app: person() })], 0);
  expect(new Memory(mary).recall(mary, 1).map((u) => u.id)).toEqual(["a"]);
  const stranger = person();
  new Memory(stranger).keep([upload("c", { app: stranger })], 0);
  expect(new Memory(stranger).recall(stranger, 1)).toEqual([]);
  expect(localStorage.length).toBe(1);
  expect(new Memory(person("alan")).recall(person("alan"), 1)).toEqual([]);
});

test("what cannot be read is nothing", () => {
  localStorage.setItem("oc_uploads.mary", "{");
  expect(new Memory(mary).recall(mary)).toEqual([]);
});

test("what somebody else has left goes when the next one comes, and signing out takes all", async () => {
  new Memory(mary).keep([upload("a")], 0);
  const alan = person("alan");
  expect(new Memory(alan).filled).toBe(true); // so that it is looked at
  expect(new Memory(alan).recall(alan, 1)).toEqual([]);
  expect(localStorage.length).toBe(0);
  new Memory(mary).keep([upload("a")], 0);
  const database = {} as { onsuccess?: () => void };
  vi.stubGlobal("indexedDB", { deleteDatabase: () => (setTimeout(() => database.onsuccess?.()), database) });
  await forget();
  expect(localStorage.length).toBe(0);
});

test("what was paused is remembered as such", () => {
  new Memory(mary).keep([upload("a", { state: "paused" }), upload("b")], 0);
  expect(new Memory(mary).recall(mary, 1).map((u) => !!u.paused)).toEqual([true, false]);
});
