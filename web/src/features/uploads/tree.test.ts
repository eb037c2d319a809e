import { expect, test } from "vitest";
import { chosen, dropped } from "./tree";

const file = (name: string, relative = "") => Object.defineProperty(new File(["x"], name), "webkitRelativePath", { value: relative });

const leaf = (name: string) => ({ name, isDirectory: false, file: (ok: (f: File) => void) => ok(new File(["x"], name)) });
// A folder gives at most two entries at once, as browsers give 100.
const folder = (name: string, ...inside: { name: string }[]) => ({
  name,
  isDirectory: true,
  createReader: () => {
    const rest = [...inside];
    return { readEntries: (ok: (e: unknown[]) => void) => ok(rest.splice(0, 2)) };
  },
});
const transfer = (...entries: unknown[]) => ({ files: [], items: entries.map((e) => ({ kind: "file", webkitGetAsEntry: () => e })) }) as unknown as DataTransfer;

test("a dropped tree is read whole, empty folders too, parents first", async () => {
  const found = await dropped(transfer(folder("a", leaf("1"), folder("b", leaf("2")), leaf("3"), folder("empty")), leaf("4")));
  expect(found?.files.map((f) => f.path).sort()).toEqual(["4", "a/1", "a/3", "a/b/2"]);
  expect(found?.folders).toEqual(["a", "a/b", "a/empty"]);
});

test("a picture that was copied has no entry and is taken as file", async () => {
  const data = { files: [file("image.png")], items: [{ kind: "file", webkitGetAsEntry: () => null }] } as unknown as DataTransfer;
  expect((await dropped(data))?.files.map((f) => f.path)).toEqual(["image.png"]);
});

test("text is not taken", () => {
  expect(dropped({ files: [], items: [{ kind: "string" }] } as unknown as DataTransfer)).toBeUndefined();
});

test("a picked folder names the folders of its files", () => {
  const found = chosen([file("2.txt", "a/b/2.txt"), file("1.txt", "a/1.txt")]);
  expect(found.files.map((f) => f.path)).toEqual(["a/b/2.txt", "a/1.txt"]);
  expect(found.folders).toEqual(["a", "a/b"]);
});
