import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watch } from "vue";
import { ApiError } from "@/api/http";
import type { App } from "@/app/app";
import { Queue, Unreadable, type Progress, type Transport, type Upload } from "./queue";

// Wire is a transport in the hands of the test.
class Wire implements Transport {
  readonly sending = new Map<string, Progress>();
  readonly discarded: string[] = [];
  from: Record<string, string | undefined> = {};

  send(u: Upload, _: File, on: Progress) {
    this.sending.set(u.id, on);
    this.from[u.id] = u.url;
    return () => void this.sending.delete(u.id);
  }
  discard(u: Upload) {
    this.discarded.push(u.id);
    return Promise.resolve();
  }
  on(id: string): Progress {
    const p = this.sending.get(id);
    if (!p) throw new Error(`${id} is not being sent`);
    return p;
  }
}

const upload = (id: string, more: Partial<Upload> = {}): Upload => ({
  id, app: {} as App, driveId: "d", folder: "/", name: id, size: 10, modified: 5000, overwrite: false, file: new File(["0123456789"], id, { lastModified: 5000 }), sent: 0, state: "waiting", ...more,
});
const setup = (...uploads: Upload[]) => {
  const wire = new Wire();
  const queue = new Queue(wire, undefined, 2);
  queue.add(uploads);
  const states = () => Object.fromEntries(queue.list.value.map((u) => [u.id, u.state]));
  const get = (id: string) => {
    const u = queue.list.value.find((x) => x.id === id);
    if (!u) throw new Error(id);
    return u;
  };
  return { wire, queue, states, get };
};

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("two at once, the next when one is done", () => {
  const { wire, states } = setup(upload("a"), upload("b"), upload("c"));
  expect(states()).toEqual({ a: "running", b: "running", c: "waiting" });
  wire.on("a").done();
  expect(states()).toEqual({ a: "done", b: "running", c: "running" });
});

test("those who look see the first change at once, and of many only some", () => {
  const { wire, queue } = setup(upload("a"));
  let seen: number[] = [];
  watch(queue.list, (l) => seen.push(l[0]?.sent ?? -1), { flush: "sync" });
  vi.advanceTimersByTime(1000);
  seen = [];
  for (let i = 1; i <= 5; i++) wire.on("a").sent(i);
  expect(seen).toEqual([1]);
  vi.advanceTimersByTime(200);
  expect(seen).toEqual([1, 5]);
  vi.advanceTimersByTime(1000);
  expect(seen).toEqual([1, 5]);
});

test("a lost connection waits, and goes on where it was", () => {
  const { wire, queue, states, get } = setup(upload("a"));
  wire.on("a").url("/data/1");
  wire.on("a").sent(4);
  wire.on("a").failed(new TypeError("network"));
  expect(states()).toEqual({ a: "offline" });
  expect(queue.open).toBe(1);
  vi.advanceTimersByTime(1000);
  expect(states()).toEqual({ a: "running" });
  expect(wire.from.a).toBe("/data/1");
  expect(get("a").sent).toBe(4);
});

test("the connection coming back is not waited for", () => {
  const { wire, queue, states } = setup(upload("a"));
  for (let i = 0; i < 8; i++) {
    wire.on("a").failed(new TypeError("network"));
    queue.online();
  }
  expect(states()).toEqual({ a: "running" });
});

test("a busy server gets some tries, then it is a fault that can be tried again", () => {
  const { wire, queue, states, get } = setup(upload("a"));
  for (let i = 0; i < 6; i++) {
    wire.on("a").failed(new ApiError(503, "", ""));
    expect(states()).toEqual({ a: "offline" });
    vi.advanceTimersByTime(60_000);
  }
  wire.on("a").failed(new ApiError(503, "", ""));
  expect(states()).toEqual({ a: "failed" });
  queue.resume(get("a"));
  expect(states()).toEqual({ a: "running" });
});

test.each([403, 404, 409, 412, 507])("status %i at the beginning is final, and the next goes on", (status) => {
  const { wire, states, get } = setup(upload("a"), upload("b"), upload("c"));
  wire.on("a").failed(new ApiError(status, "", ""));
  expect(states()).toEqual({ a: "failed", b: "running", c: "running" });
  expect(get("a").error).toBeInstanceOf(ApiError);
});

test("a connection that says nothing for a minute is taken for lost", () => {
  const { wire, states } = setup(upload("a"));
  vi.advanceTimersByTime(59_000);
  wire.on("a").sent(4);
  vi.advanceTimersByTime(59_000);
  expect(states()).toEqual({ a: "running" });
  vi.advanceTimersByTime(1_000);
  expect(states()).toEqual({ a: "offline" });
  expect(wire.sending.size).toBe(0);
});

test("what is not running is not waited for", () => {
  const { wire, queue, states, get } = setup(upload("a"));
  queue.pause(get("a"));
  vi.advanceTimersByTime(120_000);
  expect(states()).toEqual({ a: "paused" });
  queue.resume(get("a"));
  wire.on("a").done();
  vi.advanceTimersByTime(120_000);
  expect(states()).toEqual({ a: "done" });
});

test("a file that cannot be read any more is a fault", () => {
  const { wire, states } = setup(upload("a"));
  wire.on("a").failed(new Unreadable());
  expect(states()).toEqual({ a: "failed" });
});

test("what the server lost has no address any more", () => {
  const { wire, get } = setup(upload("a", { url: "/data/old" }));
  wire.on("a").url(undefined);
  expect("url" in get("a")).toBe(false);
});

test("pause stops and lets the next one in; late answers are not heard; resume goes on", () => {
  const { wire, queue, states, get } = setup(upload("a"), upload("b"), upload("c"));
  const late = wire.on("a");
  queue.pause(get("a"));
  expect(states()).toEqual({ a: "paused", b: "running", c: "running" });
  late.done();
  late.sent(10);
  expect(states().a).toBe("paused");
  expect(get("a").sent).toBe(0);
  queue.resume(get("a"));
  expect(states().a).toBe("waiting");
  wire.on("b").done();
  expect(states().a).toBe("running");
});

test("cancel takes away, here and at the server", () => {
  const { wire, queue, states, get } = setup(upload("a"), upload("b"), upload("c"));
  wire.on("a").url("/data/1");
  queue.cancel(get("a"));
  expect(states()).toEqual({ b: "running", c: "running" });
  expect(wire.discarded).toEqual(["a"]);
});

test("after a reload the same file, and no other, goes on", () => {
  const { wire, queue, states, get } = setup(upload("a", { state: "forgotten", url: "/data/1" }));
  delete get("a").file;
  expect(wire.sending.size).toBe(0);
  expect(queue.supply(get("a"), new File(["0123456789"], "a", { lastModified: 9000 }))).toBe(false);
  expect(queue.supply(get("a"), new File(["012"], "a", { lastModified: 5000 }))).toBe(false);
  expect(queue.supply(get("a"), new File(["0123456789"], "b", { lastModified: 5000 }))).toBe(false);
  expect(states()).toEqual({ a: "forgotten" });
  expect(queue.supply(get("a"), new File(["0123456789"], "a", { lastModified: 5000 }))).toBe(true);
  expect(states()).toEqual({ a: "running" });
  expect(wire.from.a).toBe("/data/1");
});
