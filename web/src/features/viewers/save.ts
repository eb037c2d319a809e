import { child, type Dav, type Place } from "@/api/dav";
import { is } from "@/api/http";
import { base, free, parent } from "@/api/path";

/** Answer is what to do when somebody else has changed the file meanwhile. */
export type Answer = "overwrite" | "copy" | "reload";

/** Saved is where a text is now, and its version. */
export interface Saved {
  at: Place;
  etag: string;
}

/** save writes a text over the version that was read. If that is no longer the newest, `ask` decides: over the newer one, under a name of its own, or
 *  ("reload", or no answer: undefined) not at all. */
export async function save(dav: Dav, at: Place, text: string, etag: string, mime: string, ask: () => Promise<Answer | undefined>): Promise<Saved | "reload" | undefined> {
  try {
    return { at, etag: (await dav.put(at, text, { etag, mime })).etag };
  } catch (e) {
    if (!is(e, 412)) throw e;
  }
  const answer = await ask();
  switch (answer) {
    case "overwrite":
      return { at, etag: (await dav.put(at, text, { mime })).etag };
    case "copy": {
      const folder = { driveId: at.driveId, path: parent(at.path) };
      const { children } = await dav.list(folder);
      const to = child(folder, free(base(at.path), new Set([base(at.path), ...children.map((c) => c.name)])));
      return { at: to, etag: (await dav.put(to, text, { create: true, mime })).etag };
    }
    default:
      return answer;
  }
}

/** decode reads bytes as UTF-8. What is not that is read as Western European, and must not be saved: it would be changed. */
export function decode(bytes: ArrayBuffer): { text: string; exact: boolean } {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), exact: true };
  } catch {
    return { text: new TextDecoder("windows-1252").decode(bytes), exact: false };
  }
}
