// The one place that speaks to the server.

/** ApiError is an answer that is no success. `code` is the server's own name of the fault, where it gives one. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId = "",
    readonly retryAfter = 0, // seconds to wait before the next try, if the server says so
  ) {
    super(message || `${status}`);
  }
}

/** is tells whether e is an ApiError with one of the statuses. */
export const is = (e: unknown, ...statuses: number[]): e is ApiError => e instanceof ApiError && statuses.includes(e.status);

/** Credentials say how requests are signed. */
export interface Credentials {
  token?: string;
  renew(): Promise<boolean>;
  lost(): void; // no session any more
}

/** Init is what a request may carry besides method and path. */
export interface Init {
  headers?: Record<string, string>;
  body?: BodyInit;
  json?: unknown;
  signal?: AbortSignal;
}

const reads: ReadonlySet<string> = new Set(["GET", "HEAD", "PROPFIND", "REPORT"]);

/** Http sends requests in the person's name and language; an expired token is renewed once. (spec/services.md §16) */
export class Http {
  readonly initiator = crypto.randomUUID();
  language = "en";
  /** changing is called when a request begins that changes something; what it returns, when that is over. */
  changing: () => () => void = () => () => undefined;

  constructor(
    readonly base: string,
    private readonly who: Credentials,
  ) {}

  /** send answers only successes (2xx); all else is thrown as ApiError. */
  async send(method: string, path: string, init: Init = {}): Promise<Response> {
    let r = await this.once(method, path, init);
    if (r.status === 401 && this.who.token) {
      if (!(await this.who.renew())) {
        this.who.lost();
        throw await fault(r);
      }
      r = await this.once(method, path, init);
    }
    if (!r.ok) throw await fault(r);
    return r;
  }

  /** json sends a request and reads the answer, which is undefined if it is empty. */
  async json<T>(method: string, path: string, init: Init = {}): Promise<T> {
    const r = await this.send(method, path, { ...init, headers: { Accept: "application/json", ...init.headers } });
    const text = await r.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** headers are those of every request, for those who send their own. */
  headers(): Record<string, string> {
    const h: Record<string, string> = {
      "Accept-Language": this.language,
      "Initiator-ID": this.initiator,
      "X-Requested-With": "XMLHttpRequest",
      "X-Request-ID": crypto.randomUUID(),
    };
    if (this.who.token) h.Authorization = `Bearer ${this.who.token}`;
    return h;
  }

  private async once(method: string, path: string, init: Init): Promise<Response> {
    const headers: Record<string, string> = { ...this.headers(), ...init.headers };
    let body = init.body;
    if (init.json !== undefined) {
      headers["Content-Type"] = "application/json";
      body = JSON.stringify(init.json);
    }
    const over = reads.has(method) ? undefined : this.changing();
    try {
      return await fetch(this.base + path, { method, headers, body: body ?? null, signal: init.signal ?? null, credentials: "same-origin" });
    } finally {
      over?.();
    }
  }
}

/** fault reads an error in any of the server's forms: Graph's JSON, WebDAV's XML, plain text. */
export async function fault(r: Response): Promise<ApiError> {
  const text = (await r.text().catch(() => "")).slice(0, 10_000);
  let code = "";
  let message = "";
  try {
    const { error } = JSON.parse(text) as { error?: { code?: string; message?: string } };
    code = error?.code ?? "";
    message = error?.message ?? "";
  } catch {
    code = /<s:errorcode>([^<]*)/.exec(text)?.[1] ?? "";
    message = /<s:message>([^<]*)/.exec(text)?.[1] ?? "";
  }
  return new ApiError(r.status, code, message || r.statusText, r.headers.get("X-Request-Id") ?? "", Number(r.headers.get("Retry-After")) || 0);
}
