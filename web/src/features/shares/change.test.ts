import { expect, test, vi } from "vitest";
import { ApiError } from "@/api/http";
import { shared } from "@/api/shares";
import { change } from "./change";

// world has shares by name, and a server that refuses some of them.
function world(...refused: string[]) {
  const sent: string[] = [];
  const toasts = { info: vi.fn<(text: string, action?: { run: () => void }) => void>(), error: vi.fn<(text: string) => void>(), work: () => ({ at: () => undefined, end: () => undefined }) };
  const app = {
    toasts, drives: { value: [] }, graph: { drives: () => Promise.resolve([]) }, queries: { invalidateQueries: () => Promise.resolve() },
    language: { $gettext: (s: string) => s, $ngettext: (s: string, p: string, n: number) => (n === 1 ? s : p) },
    http: {
      send: (method: string, path: string, { json }: { json?: unknown } = {}) => {
        const name = decodeURIComponent(path.split("/").at(-1) ?? "");
        sent.push(`${method} ${json ? JSON.stringify(json) : name}`);
        return refused.includes(name) ? Promise.reject(new ApiError(403, "", "")) : Promise.resolve();
      },
    },
  };
  return { app: app as never, toasts, sent };
}
const share = (name: string) => shared({ id: name, name, remoteItem: { id: `p$s!${name}`, name, folder: {} } });

test("what went well is told and can be taken back, what did not is told apart", async () => {
  const w = world("b");
  await change(w.app, "decline", [share("a"), share("b"), share("c")]);
  expect(w.sent).toEqual(["DELETE a", "DELETE b", "DELETE c"]);
  expect(w.toasts.error.mock.calls.map(([t]) => t)).toEqual(["“%{name}” could not be changed."]);
  const [text, undo] = w.toasts.info.mock.calls[0] ?? [];
  expect(text).toBe("%{n} shares were declined.");
  w.sent.length = 0;
  undo?.run();
  await vi.waitFor(() => expect(w.sent).toEqual(["a", "c"].map((n) => `POST {"name":"${n}","remoteItem":{"id":"p$s!${n}"}}`)));
});

test("if nothing went well, there is nothing to take back", async () => {
  const w = world("a");
  await change(w.app, "hide", [share("a")]);
  expect(w.sent).toEqual(['PATCH {"@UI.Hidden":true}']);
  expect([w.toasts.info.mock.calls.length, w.toasts.error.mock.calls.length]).toEqual([0, 1]);
});
