import { expect, test } from "vitest";
import { gigabytes, quotaOf } from "./quota";

test.each([["", 0], ["5", 5e9], [" 1,5 ", 1.5e9], ["0", undefined], ["-1", undefined], ["x", undefined], ["1e3", undefined]])("quota of %j", (text, bytes) => expect(quotaOf(text)).toBe(bytes));
test.each([[undefined, ""], [0, ""], [1.5e9, "1.5"], [10e9, "10"]])("%j in gigabytes", (n, text) => expect(gigabytes(n)).toBe(text));
