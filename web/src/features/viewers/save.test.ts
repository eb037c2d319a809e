import { expect, test } from "vitest";
import type { Dav, Place } from "@/api/dav";
import { ApiError } from "@/api/http";
import { decode, save, type Answer } from "./save";

// A server with one folder; each write is a new version.
function server(files: Record<string, string>) {
  const texts: Record<string, string> = {};
  let n = 10;
  const dav = {
    put: ({ path }: Place, body: string, when: { etag?: string; create?: boolean }) => {
      if ((when.etag && files[path] !== when.etag) || (when.create && files[path])) return Promise.reject(new ApiError(412, "", ""));
      [files[path], texts[path]] = [`"${++n}"`, body];
      return Promise.resolve({ etag: files[path], id: "" });
    },
    list: () => Promise.resolve({ children: Object.keys(files).map((p) => ({ name: p.slice(3) })) }),
  } as unknown as Dav;
  return { dav, texts };
}
const at = { driveId: "d", path: "/f/a.txt" };
const never = () => Promise.reject(new Error("asked"));
const says = (a?: Answer) => () => Promise.resolve(a);

test("over the version that was read", async () => {
  const { dav, texts } = server({ "/f/a.txt": '"1"' });
  expect(await save(dav, at, "new", '"1"', "text/plain", never)).toEqual({ at, etag: '"11"' });
  expect(texts).toEqual({ "/f/a.txt": "new" });
});

test.each<[Answer | undefined, unknown, Record<string, string>]>([
  ["overwrite", { at, etag: '"11"' }, { "/f/a.txt": "new" }],
  ["copy", { at: { driveId: "d", path: "/f/a (2).txt" }, etag: '"11"' }, { "/f/a (2).txt": "new" }],
  ["reload", "reload", {}],
  [undefined, undefined, {}],
])("changed meanwhile, and the answer is %s", async (answer, result, written) => {
  const { dav, texts } = server({ "/f/a.txt": '"2"', "/f/a (1).txt": '"3"' });
  expect(await save(dav, at, "new", '"1"', "text/plain", says(answer))).toEqual(result);
  expect(texts).toEqual(written);
});

test("other faults are not asked about", async () => {
  const { dav } = server({});
  dav.put = () => Promise.reject(new ApiError(403, "", ""));
  await expect(save(dav, at, "x", '"1"', "", never)).rejects.toMatchObject({ status: 403 });
});

test("bytes to text", () => {
  expect(decode(new TextEncoder().encode("\uFEFFaä").buffer as ArrayBuffer)).toEqual({ text: "\uFEFFaä", exact: true });
  expect(decode(Uint8Array.from([0x61, 0xe4]).buffer)).toEqual({ text: "aä", exact: false });
});
