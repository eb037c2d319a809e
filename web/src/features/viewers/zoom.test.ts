import { expect, test } from "vitest";
import { zoomed } from "./zoom";

test.each([[1, 1, 1.25], [8, 1, 8], [1, -1, 1], [2, -1, 1.5], [2.4, 1, 3], [2.4, -1, 2]] as const)("from %f by %i to %f", (from, by, to) => expect(zoomed(from, by)).toBe(to));
