import { afterEach, expect, test, vi } from "vitest";
import { ApiError } from "./http";
import { closed, LinkDav, LinkHttp, LinkSigner } from "./link";

const answer = (...responses: string[]) => `<d:multistatus xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">${responses.join("")}</d:multistatus>`;
const response = (href: string, prop: string) => `<d:response><d:href>${href}</d:href><d:propstat><d:prop>${prop}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>`;
const folder = "<d:resourcetype><d:collection/></d:resourcetype>";

function server(body: string) {
  const send = vi.fn<(url: string, init: RequestInit) => Promise<Response>>(() => Promise.resolve(new Response(body, { status: 207 })));
  vi.stubGlobal("fetch", send);
  const http = new LinkHttp("https://cloud.example", "tok");
  return { http, dav: new LinkDav(http), send };
}
afterEach(() => vi.unstubAllGlobals());

test("what is below the link has its path there", async () => {
  const { dav, send } = server(answer(response("/dav/public-files/tok/a%20b/", folder), response("/dav/public-files/tok/a%20b/c.txt", "<d:getcontentlength>3</d:getcontentlength>")));
  const { folder: f, children } = await dav.list({ driveId: "tok", path: "/a b" });
  expect([f.path, f.folder]).toEqual(["/a b", true]);
  expect(children.map((c) => [c.driveId, c.path, c.size])).toEqual([["tok", "/a b/c.txt", 3]]);
  expect(send.mock.calls[0]?.[0]).toBe("https://cloud.example/dav/public-files/tok/a%20b");
});

test("the password is sent, in any alphabet, and nobody's token", async () => {
  const { http, dav, send } = server(answer(response("/dav/public-files/tok/", folder)));
  http.password = "pä€";
  await dav.list({ driveId: "tok", path: "/" });
  const h = send.mock.calls[0]?.[1].headers as Record<string, string>;
  expect(h["public-token"]).toBe("tok");
  expect(new TextDecoder().decode(Uint8Array.from(atob((h.Authorization ?? "").slice(6)), (c) => c.charCodeAt(0)))).toBe("public:pä€");
});

test.each([[4, true], [5, false], [15, false], [1, false], [0, false]])("rights %i: drop %s", async (rights, drop) => {
  const { dav } = server(answer(response("/dav/public-files/tok/", `${folder}<oc:public-link-permission>${rights}</oc:public-link-permission>`)));
  expect(dav.drop).toBe(false);
  await dav.open("tok");
  expect(dav.drop).toBe(drop);
});

test("an archive is signed if there is a password", async () => {
  const signed = server(answer(response("/dav/public-files/tok/", "<oc:signature-auth><oc:signature>ab</oc:signature><oc:expiration>2030-01-01T00:00:00Z</oc:expiration></oc:signature-auth>")));
  expect(await new LinkSigner(signed.dav, "https://cloud.example", "tok").sign("/archiver", [["id", "1"]])).toBe(
    "https://cloud.example/archiver?id=1&public-token=tok&signature=ab&expiration=2030-01-01T00%3A00%3A00Z",
  );
  const free = server(answer(response("/dav/public-files/tok/", "")));
  expect(await new LinkSigner(free.dav, "https://cloud.example", "tok").sign("/archiver", [["id", "1"]])).toBe("https://cloud.example/archiver?id=1&public-token=tok");
});

test.each([
  [new ApiError(401, "ERR_MISSING_BASIC_AUTH", ""), "password"],
  [new ApiError(401, "ERR_MISSING_BEARER_AUTH", ""), "account"],
  [new ApiError(401, "ERR_INVALID_CREDENTIALS", ""), "wrong"],
  [new ApiError(404, "", ""), "gone"],
  [new ApiError(429, "", ""), "wait"],
  [new ApiError(500, "", ""), undefined],
  [new TypeError("network"), undefined],
])("%s: %s", (e, why) => expect(closed(e)).toBe(why));
