import { readFileSync, existsSync, copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import tailwind from "@tailwindcss/vite";
import { defineConfig, type Plugin, type ServerOptions } from "vite";
import { messages } from "./scripts/po.mjs";

const root = fileURLToPath(new URL(".", import.meta.url));

// For development: the real server stands at OC_SERVER, and OC_URL (what it calls itself) is where vite listens. OC_TLS is the
// folder with its server.crt and server.key.
const target = process.env.OC_SERVER ?? "https://localhost:9200";
const url = new URL(process.env.OC_URL ?? "https://localhost:9201");
const tls = process.env.OC_TLS;

const server: ServerOptions = {
  host: "127.0.0.1",
  port: Number(url.port),
  strictPort: true,
  ...(tls ? { https: { cert: readFileSync(`${tls}/server.crt`), key: readFileSync(`${tls}/server.key`) } } : {}),
  proxy: Object.fromEntries(
    ["/graph", "/dav", "/remote.php", "/ocs", "/api/", "/signin", "/konnect", "/.well-known", "/archiver", "/data", "/auth-app", "/app/", "/themes", "/status.php", "/branding"].map(
      (path) => [path, { target, secure: false, changeOrigin: false }],
    ),
  ),
};

// develop answers config.json as the web service would.
function develop(): Plugin {
  const config = JSON.stringify({
    server: url.origin,
    theme: `${url.origin}/themes/opencloud/theme.json`,
    openIdConnect: { metadata_url: `${url.origin}/.well-known/openid-configuration`, authority: url.origin, client_id: "web", response_type: "code", scope: "openid profile email" },
    options: {},
  });
  const answer = (stack: { use: (path: string, f: (req: unknown, res: import("node:http").ServerResponse) => void) => void }): void => {
    stack.use("/config.json", (_, res) => {
      res.setHeader("Content-Type", "application/json");
      res.end(config);
    });
  };
  return { name: "develop", configureServer: (s) => answer(s.middlewares), configurePreviewServer: (s) => answer(s.middlewares) };
}

// callback gives the address that sign-in returns to a file of its own, as the server expects one.
function callback(): Plugin {
  return {
    name: "callback",
    apply: "build",
    closeBundle() {
      if (existsSync(`${root}/dist/index.html`)) copyFileSync(`${root}/dist/index.html`, `${root}/dist/oidc-callback.html`);
    },
  };
}

// selfContained puts the bundler's few lines of runtime, a file of their own, into the file that everybody waits for: a request less.
function selfContained(name: string): Plugin {
  return {
    name: "self-contained",
    apply: "build",
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((c) => c.type === "chunk");
      const runtime = chunks.find((c) => c.name === "rolldown-runtime");
      const into = chunks.find((c) => c.name === name);
      if (!runtime || !into) throw new Error(`no ${name}, or no runtime`);
      const pairs = (list: string, from: string, to: string) => list.split(",").map((p) => p.replace(new RegExp(`^(\\S+) as (\\S+)$`), `${from}:${to}`)).join();
      const body = runtime.code.replace(/export\s*\{(.*)\};?\s*$/, (_all, list: string) => `return{${pairs(list, "$2", "$1")}}`);
      into.code = into.code.replace(/import\s*\{([^}]*)\}\s*from\s*"\.\/rolldown-runtime[^"]*";/, (_all, list: string) => `const{${pairs(list, "$1", "$2")}}=(()=>{${body}})();`);
      if (into.code.includes('"./rolldown-runtime')) throw new Error(`${name} still imports the runtime`);
    },
  };
}

export default defineConfig({
  plugins: [vue(), tailwind(), messages(root), develop(), callback(), selfContained("app")],
  // pofile: vue3-gettext imports it for its tools, never in a browser.
  resolve: { alias: { "@": `${root}/src`, pofile: `${root}/scripts/nothing.mjs` } },
  server,
  preview: server,
  build: {
    target: "es2022",
    manifest: true,
    modulePreload: { polyfill: false, resolveDependencies: (_, deps) => deps.filter((d) => !d.includes("rolldown-runtime")) },
    rolldownOptions: {
      input: { index: "index.html", silent: "oidc-silent-redirect.html" },
      // What signs in is one file, so small that nobody waits for more on the way to the sign-in page; what the list of files needs is
      // another. The rest is split by page.
      output: { codeSplitting: { groups: [
        { name: "boot", priority: 2, test: /preload-helper|rolldown\/runtime|oidc-client-ts|jwt-decode|src\/(main|auth\/session|app\/config)\.ts/ },
        { name: "app", priority: 1, test: /node_modules\/(@?vue|pinia|@tanstack|reka-ui|@floating-ui|@vueuse|@internationalized|@lucide|aria-hidden|defu|ohash)|src\/(api|ui)\/|src\/app\/(?!config|style|KeysDialog|.*Page)|src\/features\/(files\/|[^/]+\/feature)/ },
      ] } },
    },
  },
});
