// Sends files by TUS: resumable, in parts. (https://tus.io/protocols/resumable-upload 1.0.0, spec/storage.md §8)
import { child } from "@/api/dav";
import { fault, is } from "@/api/http";
import type { App } from "@/app/app";
import { Unreadable, type Progress, type Transport, type Upload } from "./queue";

const version = { "Tus-Resumable": "1.0.0" };

/** headers are those for a request to an address: who we are is told to our server only. */
export function headers(app: Pick<App, "http">, url: string): Record<string, string> {
  return new URL(url, app.http.base).origin === app.http.base ? app.http.headers() : {};
}

/** Tus sends by tus-js-client; empty files, which need no session, by PUT. */
export class Tus implements Transport {
  send(u: Upload, file: File, on: Progress): () => void {
    if (u.size === 0) return empty(u, on);
    let stop: (() => void) | undefined;
    let stopped = false;
    const begin = () => import("tus-js-client").then(({ Upload: Sender, DetailedError }) => {
      if (stopped) return;
      const { app } = u;
      const part = app.capabilities.value?.files?.tus_support?.max_chunk_size || Infinity;
      const sender = new Sender(file, {
        // One that was begun only goes on; whether it begins anew we decide (below).
        ...(u.url ? { uploadUrl: u.url } : { endpoint: app.http.base + app.dav.url({ driveId: u.driveId, path: u.folder }) }),
        metadata: { filename: u.name, mtime: `${Math.floor(u.modified / 1000)}` },
        chunkSize: part,
        // A small file is sent with the first request, a large one has an address first, to go on at.
        uploadDataDuringCreation: u.size <= Math.min(part, 1_000_000),
        storeFingerprintForResuming: false,
        retryDelays: null, // the queue tries again
        onBeforeRequest: (req) => {
          for (const [name, value] of Object.entries(headers(app, req.getURL()))) req.setHeader(name, value);
          if (req.getMethod() === "POST" && !u.overwrite) req.setHeader("If-None-Match", "*");
        },
        onUploadUrlAvailable: () => sender.url && on.url(sender.url),
        onProgress: on.sent,
        onSuccess: on.done,
        onError: (e) => void reason(file, e instanceof DetailedError ? e : undefined).then(failed),
      });
      stop = () => void sender.abort().catch(() => undefined);
      sender.start();
    }, on.failed);
    const failed = async (e: unknown) => {
      // The answer to the last part may have been lost: then the file is there, and the session is gone or the name taken.
      const gone = !!u.url && is(e, 404, 410);
      if ((gone || (is(e, 412) && !u.overwrite)) && (await arrived(u))) return on.done();
      if (gone && !stopped) {
        on.url(undefined);
        on.sent(0);
        return begin();
      }
      if (is(e, 401) && u.app.session.token) await u.app.session.renew();
      return on.failed(e);
    };
    void begin();
    return () => {
      stopped = true;
      stop?.();
    };
  }

  async discard(u: Upload): Promise<void> {
    if (u.url) await fetch(u.url, { method: "DELETE", headers: { ...headers(u.app, u.url), ...version } });
  }
}

// reason makes of tus's error one of ours; without an answer it is one of the file or of the connection.
async function reason(file: File, e: import("tus-js-client").DetailedError | undefined): Promise<unknown> {
  const r = e?.originalResponse;
  if (r && r.getStatus() >= 200) return fault(new Response(r.getBody() || null, { status: r.getStatus() }));
  return file.slice(0, 1).arrayBuffer().then(() => new TypeError("no connection"), () => new Unreadable());
}

// arrived tells whether the file is there as it was sent.
async function arrived(u: Upload): Promise<boolean> {
  const there = await u.app.dav.stat(child({ driveId: u.driveId, path: u.folder }, u.name)).catch(() => undefined);
  return !!there && !there.folder && there.size === u.size && Math.floor(u.modified / 1000) * 1000 === there.modified;
}

function empty(u: Upload, on: Progress): () => void {
  const stop = new AbortController();
  const headers = { "X-OC-Mtime": `${Math.floor(u.modified / 1000)}`, ...(u.overwrite ? {} : { "If-None-Match": "*" }) };
  u.app.http.send("PUT", u.app.dav.url(child({ driveId: u.driveId, path: u.folder }, u.name)), { headers, body: "", signal: stop.signal }).then(on.done, on.failed);
  return () => stop.abort();
}
