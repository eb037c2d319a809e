import { expect, test } from "vitest";
import type { App } from "@/app/app";
import { headers } from "./tus";

const app = { http: { base: "https://cloud.example", headers: () => ({ Authorization: "Bearer secret" }) } } as unknown as App;

test("the token goes to our server only", () => {
  expect(headers(app, "https://cloud.example/data/1")).toEqual({ Authorization: "Bearer secret" });
  expect(headers(app, "https://evil.example/data/1")).toEqual({});
  expect(headers(app, "https://cloud.example.evil.example/data/1")).toEqual({});
  expect(headers(app, "http://cloud.example/data/1")).toEqual({});
});
