import { expect, test } from "vitest";
import { duration } from "./duration";

test.each([[0, "1 sec"], [59.2, "60 sec"], [150, "3 min"], [5399, "90 min"], [7200, "2 hr"]])("%f s are %s", (s, text) => expect(duration(s, "en")).toBe(text));
