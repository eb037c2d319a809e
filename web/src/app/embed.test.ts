import { expect, test } from "vitest";
import { Delegated } from "@/auth/delegated";
import { readConfig } from "./config";
import { readEmbed, shows, type Embed } from "./embed";

const partner = "https://partner.example";
const config = (embed: object = {}) => readConfig({ server: "https://c", theme: "t", options: { embed } }, "https://c");
function read(search: string, embed: object = {}) {
  const sent: [unknown, string][] = [];
  const around = { postMessage: (m: unknown, to: string) => sent.push([m, to]) } as never;
  return { e: readEmbed(config(embed), search, around, "https://c") as Embed, sent };
}

test("only in a frame, and only if it is wanted", () => {
  expect(readEmbed(config(), "?embed=true", undefined)).toBeUndefined();
  expect(read("").e).toBeUndefined();
  expect(read("?embed=false", { enabled: true }).e).toBeUndefined();
  expect(read("", { enabled: true, target: "location" }).e).toMatchObject({ target: "location", fileName: undefined, types: [], query: {} });
  expect(read("?embed=true&embed-target=file&embed-file-types=.TXT, image/png&embed-choose-file-name=true&hide-logo=true&x=1").e).toMatchObject({
    target: "file", types: ["txt", "image/png"], fileName: "", hideLogo: true, query: { embed: "true", "embed-target": "file", "hide-logo": "true" },
  });
});

test("messages go to the origin that is configured, else to our own", () => {
  const a = read("?embed=true&embed-messages-origin=https://evil.example");
  a.e.tell("cancel");
  const b = read("?embed=true", { messagesOrigin: partner });
  b.e.tell("select", [1]);
  expect([...a.sent, ...b.sent]).toEqual([[{ name: "opencloud-embed:cancel", data: null }, "https://c"], [{ name: "opencloud-embed:select", data: [1] }, partner]]);
});

test("only a configured page signs people in, whatever the address says", () => {
  expect(read("?embed=true&embed-delegate-authentication=true&embed-delegate-authentication-origin=https://evil.example").e.signsIn).toBe("");
  expect(read("?embed=true&embed-delegate-authentication=true&embed-delegate-authentication-origin=https://evil.example", { messagesOrigin: partner }).e.signsIn).toBe("");
  expect(read("?embed=true&embed-delegate-authentication=true", { messagesOrigin: partner }).e.signsIn).toBe(partner);
  expect(read("?embed=true", { delegateAuthentication: true, delegateAuthenticationOrigin: partner }).e.signsIn).toBe(partner);
});

test("what is listed", () => {
  const file = (name: string, mime = "") => ({ name, mime, folder: false });
  expect(shows({ target: "location", types: [] }, file("a.txt"))).toBe(false);
  expect(shows({ target: "file", types: ["txt", "image/*"] }, file("A.TXT"))).toBe(true);
  expect(shows({ target: "file", types: ["txt", "image/*"] }, file("a", "image/png"))).toBe(true);
  expect(shows({ target: "file", types: ["txt", "image/*"] }, file("a.md", "text/markdown"))).toBe(false);
  expect(shows({ target: "location", types: ["txt"] }, { name: "x", mime: "", folder: true })).toBe(true);
});

test("tokens are taken only from the page around, by its origin and by its window", async () => {
  const around = window;
  let asked = 0;
  const session = new Delegated(config(), partner, () => asked++, around);
  const say = (origin: string, source: unknown, data: unknown) => dispatchEvent(Object.assign(new Event("message"), { origin, source, data }));
  const update = { name: "opencloud-embed:update-token", data: { access_token: "t1" } };
  const [one, two] = [session.restore(), session.renew()];
  expect(asked).toBe(1);
  say("https://evil.example", around, update);
  say(partner, {}, update);
  for (const wrong of [null, "x", { name: "opencloud-embed:update-token" }, { ...update, data: { access_token: 1 } }, { ...update, name: "update-token" }]) say(partner, around, wrong);
  expect(session.token).toBeUndefined();
  say(partner, around, update);
  expect(await Promise.all([one, two])).toEqual([true, true]);
  expect(session.token).toBe("t1");
  say(partner, around, { ...update, data: { access_token: "t2" } });
  expect(session.token).toBe("t2");
});
