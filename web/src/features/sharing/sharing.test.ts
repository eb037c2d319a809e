import { expect, test } from "vitest";
import { itemUrl } from "@/api/sharing";
import { dayOf, endOf, mustHave, quick, types, usual } from "./links";
import { generate, good, rules } from "./password";

const policy = { min_characters: 8, max_characters: 72, min_lowercase_characters: 1, min_uppercase_characters: 1, min_digits: 1, min_special_characters: 1 };

test.each([
  ["", ["min", "lower", "upper", "digits", "special"]],
  ["abcdefgh", ["upper", "digits", "special"]],
  ["Abcdef1!", []],
  ["Äöüéß12!x", []],
  ["Abcdef 12", ["special"]], // a space is none
  ["A1!" + "a".repeat(70), ["max"]],
])("rules of %j that are not met", (password, unmet) => {
  expect(rules(password, policy).filter((r) => !r.met).map((r) => r.name)).toEqual(unmet);
  expect(good(password, policy)).toBe(unmet.length === 0);
});

test("without a policy every password is good", () => expect(rules("x")).toEqual([]));

test("generated passwords meet the policy and differ", () => {
  const strict = { ...policy, min_characters: 30, min_special_characters: 6, min_digits: 9 };
  const made = Array.from({ length: 50 }, () => generate(strict));
  expect(made.every((p) => good(p, strict) && p.length >= 30)).toBe(true);
  expect(new Set(made).size).toBe(50);
  expect(generate().length).toBe(12);
});

test.each([
  ["p$s!s", "/graph/v1beta1/drives/p%24s/root"],
  ["p$s", "/graph/v1beta1/drives/p%24s/root"],
  ["p$s!n", "/graph/v1beta1/drives/p%24s/items/p%24s!n"],
])("address of %s", (id, url) => expect(itemUrl(id)).toBe(url));

test("links ask for a password where the server does", () => {
  const c = { files_sharing: { public: { password: { enforced_for: { read_only: true, read_write: false, upload_only: true } } } } };
  expect(mustHave("view", c)).toBe(true);
  expect(mustHave("view", c, true)).toBe(false);
  expect(mustHave("createOnly", c, true)).toBe(true);
  expect(mustHave("upload", c)).toBe(false);
  expect(mustHave("internal", c)).toBe(false);
  expect(mustHave("view", undefined)).toBe(false);
});

test("kinds of links", () => {
  expect(types(false)).not.toContain("createOnly");
  expect(types(true)).toContain("createOnly");
  expect(usual({ files_sharing: { public: { default_permissions: 0 } } })).toBe("internal");
  expect(usual({})).toBe("view");
  expect(quick([{ id: "a", link: { webUrl: "u" } }, { id: "b", link: { webUrl: "v", "@libre.graph.quickLink": true } }])?.id).toBe("b");
});

test("days and times", () => {
  expect(endOf("")).toBeUndefined();
  expect(dayOf(endOf("2030-02-28"))).toBe("2030-02-28");
  expect(dayOf(undefined)).toBe("");
});
