import type { Config } from "@/app/config";
import { Session } from "./session";

const patience = 10_000; // ms

/** Delegated is a session that the page around our frame keeps: it is asked for tokens, and may send a new one at any time. Only those
 *  from its origin are taken. */
export class Delegated extends Session {
  private given?: string;
  private waiting: ((given: boolean) => void)[] = [];

  constructor(
    config: Config,
    origin: string,
    private readonly ask: () => void,
    around: Window = parent,
  ) {
    super(config);
    addEventListener("message", (e: MessageEvent<{ name?: unknown; data?: { access_token?: unknown } } | null>) => {
      const token = e.data?.data?.access_token;
      if (e.origin !== origin || e.source !== around || e.data?.name !== "opencloud-embed:update-token" || typeof token !== "string" || !token) return;
      this.given = token;
      this.answer(true);
    });
  }

  override get token(): string | undefined {
    return this.given;
  }

  override get claims(): undefined {
    return undefined;
  }

  override restore(): Promise<boolean> {
    return this.renew();
  }

  override renew(): Promise<boolean> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      if (this.waiting.length > 1) return;
      this.ask();
      setTimeout(() => this.answer(false), patience);
    });
  }

  private answer(given: boolean) {
    for (const resolve of this.waiting.splice(0)) resolve(given);
  }
}
