import { shallowRef } from "vue";
import { ApiError } from "@/api/http";
import type { Texts } from "./registry";

/** Toast is a short message at the edge of the screen. */
export interface Toast {
  id: number;
  kind: "info" | "error";
  text: string;
  detail?: string;
  report?: string; // what to tell whoever looks after the server
  action?: { label: string; run: () => void };
  share?: number; // of long work: how much is done, 0 to 1
}

/** Toasts holds the messages that are shown; they are read out by screen readers. */
export class Toasts {
  readonly list = shallowRef<Toast[]>([]);
  private next = 1;

  constructor(private readonly texts: () => Texts) {}

  /** info says something for 6 s, or 10 s if there is something to choose. */
  info(text: string, action?: Toast["action"]): number {
    return this.add({ kind: "info", text, ...(action ? { action } : {}) }, action ? 10_000 : 6_000);
  }

  /** error tells that something failed, and stays until it is closed. */
  error(text: string, e?: unknown): number {
    return this.add({ kind: "error", text, ...(e === undefined ? {} : { detail: explain(e, this.texts()), report: report(text, e) }) });
  }

  /** work shows how far something is that takes longer than a moment, and lets the person stop it. */
  work(text: string, stop?: Toast["action"]): { at(share: number): void; end(): void } {
    let id: number | undefined;
    let share = 0;
    const timer = setTimeout(() => (id = this.add({ kind: "info", text, share, ...(stop ? { action: stop } : {}) })), 700);
    return {
      at: (now) => {
        share = now;
        if (id !== undefined) this.list.value = this.list.value.map((t) => (t.id === id ? { ...t, share } : t));
      },
      end: () => {
        clearTimeout(timer);
        if (id !== undefined) this.close(id);
      },
    };
  }

  /** close takes a message away. */
  close(id: number): void {
    this.list.value = this.list.value.filter((t) => t.id !== id);
  }

  private add(toast: Omit<Toast, "id">, ms?: number): number {
    const id = this.next++;
    this.list.value = [...this.list.value.slice(-3), { ...toast, id }];
    if (ms) setTimeout(() => this.close(id), ms);
    return id;
  }
}

/** report is what is known of a fault, line by line, for whoever looks after the server. */
export function report(text: string, e: unknown, now = new Date()): string {
  const of = e instanceof ApiError ? [`HTTP ${e.status} ${e.code}`.trim(), e.requestId && `Request-ID: ${e.requestId}`] : [];
  return [text, e instanceof Error ? e.message : String(e), ...of, now.toISOString()].filter(Boolean).join("\n");
}

/** explain says in people's words why something failed. */
export function explain(e: unknown, { $gettext }: Texts): string {
  if (!(e instanceof ApiError)) {
    return e instanceof TypeError ? $gettext("The server cannot be reached.") : e instanceof Error ? e.message : String(e);
  }
  switch (e.status) {
    case 401:
      return $gettext("You are no longer signed in.");
    case 403:
      return $gettext("You do not have permission for this.");
    case 404:
      return $gettext("It is no longer there.");
    case 409:
      return $gettext("The folder it belongs to does not exist.");
    case 412:
      return $gettext("It has been changed meanwhile, or its name is taken.");
    case 423:
      return $gettext("Somebody else is working on it.");
    case 425:
      return $gettext("It is still being processed.");
    case 507:
      return $gettext("There is not enough space left.");
    default:
      return e.message;
  }
}
