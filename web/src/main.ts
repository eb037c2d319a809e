// The first script: signs in, and only then loads the application. A person without a session is on the way to the sign-in page
// before anything else is loaded.
import { loadConfig } from "@/app/config";
import { Session } from "@/auth/session";
import "@/app/style.css";

const callback = "/oidc-callback.html";

/** open tells which addresses work without an account. */
const open = (path: string) => /^\/(s|o|logout|access-denied|files\/(link|upload|spaces\/public)|view\/public)(\/|$)/.test(path);

async function boot() {
  const here = location.pathname;
  const known = here === callback || here === "/web-oidc-callback" || Session.likely();
  const app = known || open(here) ? import("@/app/start") : undefined; // meanwhile
  app?.catch(() => undefined); // reported where it is awaited
  const config = await loadConfig();
  const embed = parent === window ? undefined : (await import("@/app/embed")).readEmbed(config, location.search);
  const session = embed?.signsIn ? new (await import("@/auth/delegated")).Delegated(config, embed.signsIn, () => embed.tell("request-token")) : new Session(config);
  if (here === callback || here === "/web-oidc-callback") {
    const to = await session.finish();
    history.replaceState(null, "", to);
  } else if (!(await session.restore()) && !open(here) && !embed) {
    await session.signIn(here === "/login" ? "/" : here + location.search + location.hash);
    return;
  }
  const { start } = await (app ?? import("@/app/start"));
  await start(config, session, embed);
}

boot().catch((e: unknown) => {
  console.error(e);
  // Nothing is there yet to show it nicely.
  const main = document.createElement("main");
  main.className = "fatal";
  const h = document.createElement("h1");
  h.textContent = "OpenCloud cannot start";
  const p = document.createElement("p");
  p.textContent = e instanceof Error ? e.message : String(e);
  const a = document.createElement("a");
  a.href = "/";
  a.textContent = "Try again";
  main.append(h, p, a);
  document.getElementById("app")?.replaceChildren(main);
});
