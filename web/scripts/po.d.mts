import type { Plugin } from "vite";
export function messages(root: string): Plugin;
