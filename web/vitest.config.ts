import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";
import { messages } from "./scripts/po.mjs";

const root = fileURLToPath(new URL(".", import.meta.url));

export default defineConfig({
  plugins: [vue(), messages(root)],
  resolve: { alias: { "@": `${root}/src` } },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts"] },
});
