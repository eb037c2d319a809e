import { expect, test } from "vitest";
import type { Setting } from "@/api/account";
import { hoursUntil, inDays } from "./hours";
import { middle, side, within } from "./picture";
import { chosen, on, ticked, withChoice, withSwitch, withTick } from "./settings";

const event: Setting = {
  id: "s", name: "event-share-created-options",
  multiChoiceCollectionValue: { options: [{ key: "mail", value: { boolValue: { default: true } } }, { key: "in-app", value: { boolValue: { default: true } } }, { key: "sms", attribute: "disabled", value: { boolValue: {} } }] },
};

test("a collection: defaults, what is set, and what to save", () => {
  expect(ticked(event, "mail")).toBe(true);
  const off = withTick(event, "mail", false);
  expect(off).toEqual({ settingId: "s", collectionValue: { values: [{ key: "mail", boolValue: false }, { key: "in-app", boolValue: true }] } });
  expect(ticked(event, "mail", off)).toBe(false);
  expect(withTick(event, "in-app", false, { ...off, id: "v" })).toEqual({ settingId: "s", id: "v", collectionValue: { values: [{ key: "mail", boolValue: false }, { key: "in-app", boolValue: false }] } });
});

test("switches and choices", () => {
  const s: Setting = { id: "b", name: "x", boolValue: { default: true } };
  expect(on(s)).toBe(true);
  expect(on(s, withSwitch(s, false))).toBe(false);
  const c: Setting = { id: "c", name: "y", singleChoiceValue: { options: [{ value: { stringValue: "daily" } }, { value: { stringValue: "instant" }, default: true }] } };
  expect(chosen(c)).toBe("instant");
  expect(chosen(c, withChoice(c, "daily"))).toBe("daily");
});

test("life times", () => {
  const now = new Date(2030, 0, 31, 12, 0, 0);
  expect(inDays(1, now)).toBe("2030-02-01");
  expect(hoursUntil("2030-01-31", now.getTime())).toBe(12);
  expect(hoursUntil("2030-01-01", now.getTime())).toBe(1);
});

test("a part of a picture stays within it", () => {
  const of = { width: 600, height: 400 };
  expect(middle(of)).toEqual({ x: 300, y: 200, zoom: 1 });
  expect(side(of, { x: 0, y: 0, zoom: 2 })).toBe(200);
  expect(within(of, { x: -50, y: 900, zoom: 2 })).toEqual({ x: 100, y: 300, zoom: 2 });
  expect(within(of, { x: 0, y: 0, zoom: 0.1 })).toEqual({ x: 200, y: 200, zoom: 1 });
  expect(within(of, { x: 300, y: 200, zoom: 99 }).zoom).toBe(8);
});
