import { expect, test } from "vitest";
import { parse, text } from "./multistatus";
import { resource } from "./resource";

const body = (inner: string) => `<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">${inner}</d:multistatus>`;
const response = (href: string, props: string, status = "HTTP/1.1 200 OK") =>
  `<d:response><d:href>${href}</d:href><d:propstat><d:prop>${props}</d:prop><d:status>${status}</d:status></d:propstat></d:response>`;
const read = (href: string, props: string, status?: string) => {
  const [item] = parse(body(response(href, props, status)));
  if (!item) throw new Error("nothing");
  return resource(item, "a$b", "/dav/spaces/a$b");
};

test("only what is found counts", () => {
  const [item] = parse(body(`<d:response><d:href>/x</d:href><d:propstat><d:prop><oc:name>n &amp; m</oc:name></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat><d:propstat><d:prop><oc:tags/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>`));
  if (!item) throw new Error("nothing");
  expect(text(item, "name")).toBe("n & m");
  expect(item.props.has("tags")).toBe(false);
  expect(text(item, "tags")).toBe("");
});

test("no multistatus, no answer", () => {
  expect(() => parse("<html><body>sign in</body></html>")).toThrow();
  expect(() => parse("")).toThrow();
});

test("a file", () => {
  const r = read("/dav/spaces/a%24b/My%20%25%20files/n%C3%B6te.txt", `<oc:fileid>a$b!1</oc:fileid><oc:favorite>1</oc:favorite><oc:tags>x, y</oc:tags><d:getcontentlength>12</d:getcontentlength>
    <d:getlastmodified>Fri, 27 Nov 2026 17:13:05 GMT</d:getlastmodified><oc:share-types><oc:share-type>0</oc:share-type><oc:share-type>3</oc:share-type></oc:share-types><d:resourcetype/>
    <d:lockdiscovery><d:activelock><d:owner>Mary</d:owner></d:activelock></d:lockdiscovery>`);
  expect(r).toMatchObject({ id: "a$b!1", path: "/My % files/nöte.txt", name: "nöte.txt", folder: false, size: 12, favourite: true, tags: ["x", "y"], shareTypes: [0, 3], locked: "Mary", modified: Date.UTC(2026, 10, 27, 17, 13, 5) });
});

test("a folder, and the space's root", () => {
  expect(read("/dav/spaces/a$b/d/", "<d:resourcetype><d:collection/></d:resourcetype><oc:size>7</oc:size>")).toMatchObject({ path: "/d", folder: true, size: 7 });
  expect(read("/dav/spaces/a$b/", "<oc:name>Space</oc:name><d:resourcetype><d:collection/></d:resourcetype>")).toMatchObject({ path: "/", name: "Space" });
});

test("what is being processed", () => {
  expect(read("/dav/spaces/a$b/x", "<oc:name>x</oc:name>", "HTTP/1.1 425 TOO EARLY")).toMatchObject({ processing: true, name: "x" });
});

test("addresses that are not well formed stay as they are", () => {
  expect(read("/dav/spaces/a$b/50%", "").path).toBe("/50%");
});
