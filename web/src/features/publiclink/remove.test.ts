import { QueryClient } from "@tanstack/vue-query";
import { expect, test } from "vitest";
import { ApiError } from "@/api/http";
import { LinkDav, LinkHttp } from "@/api/link";
import type { Resource } from "@/api/resource";
import type { App } from "@/app/app";
import type { Context } from "@/app/registry";
import feature from "./feature";
import { remove } from "./remove";

const item = (name: string, permissions = "D") => ({ id: name, driveId: "t", name, path: `/${name}`, permissions, locked: "", processing: false }) as Resource;
function setup(sure: true | undefined) {
  const [gone, errors]: [string[], string[]] = [[], []];
  const app = {
    dav: { remove: ({ path }: { path: string }) => (path === "/bad" ? Promise.reject(new ApiError(403, "", "")) : path === "/lost" ? Promise.reject(new ApiError(404, "", "")) : Promise.resolve(void gone.push(path))) },
    queries: new QueryClient(), dialogs: { show: () => Promise.resolve(sure) }, toasts: { error: (t: string) => errors.push(t) },
    language: { $gettext: (s: string) => s, $ngettext: (s: string) => s },
  } as unknown as App;
  return { app, gone, errors };
}

test("nothing is deleted without a yes", async () => {
  const { app, gone } = setup(undefined);
  await remove(app, [item("a")]);
  expect(gone).toEqual([]);
});

test("what fails is told, what was gone already is not", async () => {
  const a = setup(true);
  await remove(a.app, [item("a"), item("lost")]);
  expect([a.gone, a.errors]).toEqual([["/a"], []]);
  const b = setup(true);
  await remove(b.app, [item("a"), item("bad")]);
  expect([b.gone, b.errors.length]).toEqual([["/a"], 1]);
});

test("offered by links that allow it only", () => {
  const [action] = feature.actions;
  const c = (dav: unknown, ...items: Resource[]) => ({ app: { dav }, items }) as unknown as Context;
  const link = new LinkDav(new LinkHttp("", "t"));
  expect(action?.applies(c(link, item("a")))).toBe(true);
  expect(action?.applies(c(link, item("a"), item("b", "")))).toBe(false);
  expect(action?.applies(c(link))).toBe(false);
  expect(action?.applies(c({}, item("a")))).toBe(false);
});
