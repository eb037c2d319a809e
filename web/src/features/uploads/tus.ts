// Sends files by TUS: resumable, in parts. (https://tus.io/protocols/resumable-upload 1.0.0, spec/storage.md §8)
import { child } from "@/api/dav";
import { ApiError, fault } from "@/api/http";
import type { App } from "@/app/app";
import type { Progress, Transport, Upload } from "./queue";

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
    import("tus-js-client").then(({ Upload: Sender, DetailedError }) => {
      if (stopped) return;
      const { app } = u;
      const part = app.capabilities.value?.files?.tus_support?.max_chunk_size || Infinity;
      const sender = new Sender(file, {
        endpoint: app.http.base + app.dav.url({ driveId: u.driveId, path: u.folder }),
        uploadUrl: u.url ?? null,
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
        onError: (e) => void reason(e instanceof DetailedError ? e : undefined).then(async (error) => {
          if (error instanceof ApiError && error.status === 401 && app.session.token) await app.session.renew();
          on.failed(error);
        }),
      });
      stop = () => void sender.abort().catch(() => undefined);
      sender.start();
    }, on.failed);
    return () => {
      stopped = true;
      stop?.();
    };
  }

  async discard(u: Upload): Promise<void> {
    if (u.url) await fetch(u.url, { method: "DELETE", headers: { ...headers(u.app, u.url), ...version } });
  }
}

// reason makes of tus's error one of ours; without an answer it is one of the connection.
async function reason(e: import("tus-js-client").DetailedError | undefined): Promise<unknown> {
  const r = e?.originalResponse;
  if (!r || r.getStatus() < 200) return new TypeError("no connection");
  return fault(new Response(r.getBody() || null, { status: r.getStatus() }));
}

function empty(u: Upload, on: Progress): () => void {
  const stop = new AbortController();
  const headers = { "X-OC-Mtime": `${Math.floor(u.modified / 1000)}`, ...(u.overwrite ? {} : { "If-None-Match": "*" }) };
  u.app.http.send("PUT", u.app.dav.url(child({ driveId: u.driveId, path: u.folder }, u.name)), { headers, body: "", signal: stop.signal }).then(on.done, on.failed);
  return () => stop.abort();
}
