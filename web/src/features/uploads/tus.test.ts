import { beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "@/api/http";
import type { App } from "@/app/app";
import { Unreadable, type Upload } from "./queue";
import { headers, Tus } from "./tus";

// Sender stands for the one of tus-js-client, in the hands of the test.
const { senders, Answer } = vi.hoisted(() => ({
  senders: [] as { options: { uploadUrl?: string; endpoint?: string; onError: (e: Error) => void } }[],
  Answer: class extends Error {
    originalResponse: unknown;
    constructor(status?: number) {
      super();
      this.originalResponse = status && { getStatus: () => status, getBody: () => "" };
    }
  },
}));
vi.mock("tus-js-client", () => ({
  DetailedError: Answer,
  Upload: class {
    constructor(_: File, readonly options: (typeof senders)[number]["options"]) {
      senders.push(this);
    }
    start = () => undefined;
    abort = () => Promise.resolve();
  },
}));
beforeEach(() => senders.splice(0));

const http = { base: "https://cloud.example", headers: () => ({ Authorization: "Bearer secret" }) };
const app = { http } as unknown as App;

test("the token goes to our server only", () => {
  expect(headers(app, "https://cloud.example/data/1")).toEqual({ Authorization: "Bearer secret" });
  expect(headers(app, "https://evil.example/data/1")).toEqual({});
  expect(headers(app, "https://cloud.example.evil.example/data/1")).toEqual({});
  expect(headers(app, "http://cloud.example/data/1")).toEqual({});
});

// send begins an upload that was begun before, and tells what was reported of it.
const send = async (more: Partial<Upload> = {}, there?: object) => {
  const told: unknown[] = [];
  const file = new File(["0123456789"], "a", { lastModified: 5500 });
  const dav = { url: () => "/dav/x", stat: () => (there ? Promise.resolve(there) : Promise.reject(new ApiError(404, "", ""))) };
  const u = { app: { http, dav, capabilities: {}, session: {} } as unknown as App, driveId: "d", folder: "/", name: "a", size: 10, modified: 5500, overwrite: false, url: "https://cloud.example/data/1", ...more } as Upload;
  new Tus().send(u, file, {
    url: (url) => {
      if (!url) delete u.url;
      told.push(`url ${url}`);
    },
    sent: (n) => told.push(n),
    done: () => told.push("done"),
    failed: (e) => told.push(e),
  });
  await vi.waitFor(() => expect(senders.length).toBe(1));
  return { told, file, fail: (status?: number) => senders[0]?.options.onError(new Answer(status)) };
};

test("one that was begun goes on, and begins anew when the server has it no more", async () => {
  const { told, fail } = await send();
  expect(senders[0]?.options).toMatchObject({ uploadUrl: "https://cloud.example/data/1" });
  expect(senders[0]?.options.endpoint).toBeUndefined();
  fail(404);
  await vi.waitFor(() => expect(senders.length).toBe(2));
  expect(senders[1]?.options).toMatchObject({ endpoint: "https://cloud.example/dav/x" });
  expect(senders[1]?.options.uploadUrl).toBeUndefined();
  expect(told).toEqual(["url undefined", 0]);
});

test.each([[404, {}], [410, {}], [412, { url: undefined }]])("status %i, and the file is there: only the answer was lost", async (status, more) => {
  const { told, fail } = await send(more as Partial<Upload>, { folder: false, size: 10, modified: 5000 });
  fail(status);
  await vi.waitFor(() => expect(told).toEqual(["done"]));
  expect(senders.length).toBe(1);
});

test.each([[{ size: 11, modified: 5000 }], [{ size: 10, modified: 6000 }], [{ size: 10, modified: 5000, folder: true }]])("another file is not taken for it: %o", async (there) => {
  const { told, fail } = await send({ url: undefined } as unknown as Partial<Upload>, there);
  fail(412);
  await vi.waitFor(() => expect(told).toMatchObject([{ status: 412 }]));
});

test("without an answer it is the connection, or the file", async () => {
  let { told, file, fail } = await send();
  fail();
  await vi.waitFor(() => expect(told[0]).toBeInstanceOf(TypeError));
  senders.splice(0);
  ({ told, file, fail } = await send());
  vi.spyOn(file, "slice").mockReturnValue({ arrayBuffer: () => Promise.reject(new Error("NotReadableError")) } as unknown as Blob);
  fail();
  await vi.waitFor(() => expect(told[0]).toBeInstanceOf(Unreadable));
});
