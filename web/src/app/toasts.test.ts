import { expect, test } from "vitest";
import { ApiError } from "@/api/http";
import { report } from "./toasts";

test("a report says what failed, why, and by which request", () => {
  const at = new Date(Date.UTC(2030, 0, 2));
  expect(report("It failed.", new ApiError(500, "generalException", "disk full", "r-1"), at)).toBe("It failed.\ndisk full\nHTTP 500 generalException\nRequest-ID: r-1\n2030-01-02T00:00:00.000Z");
  expect(report("It failed.", new TypeError("Failed to fetch"), at)).toBe("It failed.\nFailed to fetch\n2030-01-02T00:00:00.000Z");
});
