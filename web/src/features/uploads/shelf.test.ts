import { expect, test, vi } from "vitest";
import type { App } from "@/app/app";
import { Queue, type Upload } from "./queue";
import { regain, Shelf, type Kept, type Store } from "./shelf";

const person = (sub?: string) => ({ session: { claims: sub ? { sub } : undefined } }) as unknown as App;
const mary = person("mary");
const file = (name: string, size = 10) => new File(["x".repeat(size)], name, { lastModified: 5000 });
const upload = (id: string, more: Partial<Upload> = {}): Upload => ({ id, app: mary, driveId: "d", folder: "/", name: id, size: 10, modified: 5000, overwrite: false, file: file(id), sent: 0, state: "waiting", ...more });
const handle = (f: File, allowed: PermissionState = "granted") => ({ getFile: () => Promise.resolve(f), queryPermission: () => Promise.resolve(allowed), requestPermission: () => Promise.resolve("granted") }) as unknown as FileSystemFileHandle;

class Box implements Store {
  readonly kept = new Map<string, Kept>();
  all = () => Promise.resolve([...this.kept.values()]);
  put = (k: Kept) => Promise.resolve(void this.kept.set(k.id, k));
  remove = (id: string) => Promise.resolve(void this.kept.delete(id));
}
const ids = (box: Box) => [...box.kept.keys()].sort().join();

test("what is not finished is kept, and goes when it has ended", async () => {
  const [box, list] = [new Box(), [upload("a"), upload("b"), upload("c", { state: "done" })]];
  const shelf = new Shelf(mary, box);
  await shelf.keep(() => list);
  expect(ids(box)).toBe("a,b");
  await shelf.keep(() => [upload("a", { state: "done" }), ...list.slice(1)]);
  expect(ids(box)).toBe("b");
  await shelf.keep(() => []); // cancelled
  expect(ids(box)).toBe("");
});

test("bounds: of each, of all, in number; what is too large is kept by its handle", async () => {
  const box = new Box();
  const where = handle(file("large", 30));
  const list = [upload("large", { size: 30, handle: () => Promise.resolve(where) }), upload("other", { size: 30 }), upload("a"), upload("b"), upload("c")];
  await new Shelf(mary, box, { file: 20, all: 20, count: 10 }).keep(() => list);
  expect(ids(box)).toBe("a,b,large");
  expect(box.kept.get("large")?.source).toBe(where);
  const few = new Box();
  await new Shelf(mary, few, { file: 20, all: 200, count: 2 }).keep(() => list.slice(2));
  expect(ids(few)).toBe("a,b");
});

test("one that cannot be kept does not stop the others", async () => {
  const box = new Box();
  vi.spyOn(box, "put").mockRejectedValueOnce(new DOMException("full", "QuotaExceededError"));
  await new Shelf(mary, box).keep(() => [upload("a"), upload("b")]);
  expect(ids(box)).toBe("b");
});

test("only the own is given back, and all else goes", async () => {
  const box = new Box();
  await new Shelf(mary, box).keep(() => [upload("a"), upload("b")]);
  const alan = person("alan");
  await new Shelf(person(), box).keep(() => [upload("s", { app: person() })]); // by a link
  expect([...(await new Shelf(mary, box).recall([upload("a")])).keys()]).toEqual(["a"]);
  expect(ids(box)).toBe("a");
  expect((await new Shelf(alan, box).recall([upload("a", { app: alan })])).size).toBe(0);
  expect(ids(box)).toBe("");
});

test("a handle is read if that is allowed, or after asking; a changed file must be chosen", async () => {
  const queue = new Queue({ send: () => () => undefined, discard: () => Promise.resolve() });
  const forgotten = (id: string, h: FileSystemFileHandle) => {
    const u = upload(id, { state: "forgotten", handle: () => Promise.resolve(h) });
    delete u.file;
    return u;
  };
  const [free, asks, changed] = [forgotten("free", handle(file("old name"))), forgotten("asks", handle(file("asks"), "prompt")), forgotten("changed", handle(file("changed", 11)))];
  queue.add([free, asks, changed]);
  expect(await regain(queue, queue.list.value)).toBe(1);
  expect([free.state, asks.state, changed.state, !!changed.handle]).toEqual(["running", "forgotten", "forgotten", false]);
  expect(await regain(queue, [asks], true)).toBe(0);
  expect(asks.state).toBe("running");
});
