import type { Http } from "./http";

/** signer makes addresses that a browser may load by itself for 20 minutes, with a key that the server gives. (spec/identity.md §5.3) */
export class Signer {
  private key?: Promise<{ user: string; "signing-key": string }>;

  constructor(private readonly http: Http) {}

  /** sign returns the whole address of a path of the server with its query. */
  async sign(path: string, query: [string, string][], now = new Date()): Promise<string> {
    const { user, "signing-key": key } = await this.keys();
    const foreign = [...query].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    const all: [string, string][] = [...foreign, ["OC-Credential", user], ["OC-Date", now.toISOString()], ["OC-Expires", "1200"], ["OC-Verb", "GET"]];
    const url = `${this.http.base}${path}?${new URLSearchParams(all)}`;
    return `${url}&OC-Algo=PBKDF2%2F10000-SHA512&OC-Signature=${await derive(url, key)}`;
  }

  private async keys() {
    this.key ??= this.http.json<{ ocs: { data: { user: string; "signing-key": string } } }>("GET", "/ocs/v1.php/cloud/user/signing-key?format=json").then((r) => r.ocs.data);
    this.key.catch(() => (this.key = undefined));
    return this.key;
  }
}

async function derive(text: string, salt: string): Promise<string> {
  const bytes = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", bytes.encode(text), "PBKDF2", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-512", salt: bytes.encode(salt), iterations: 10_000 }, key, 256);
  return [...new Uint8Array(bits)].map((b) => b.toString(16).padStart(2, "0")).join("");
}
