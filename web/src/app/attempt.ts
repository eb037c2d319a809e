import type { App } from "./app";

/** attempt does something and tells the person if it fails, and whether it went well. */
export async function attempt(app: Pick<App, "toasts">, failed: string, task: () => Promise<unknown>): Promise<boolean> {
  try {
    await task();
    return true;
  } catch (e) {
    app.toasts.error(failed, e);
    return false;
  }
}
