/** entry looks whether the script that starts an extension can be had: "" if so, else the status or what else is wrong. */
export async function entry(path: string): Promise<"" | number | string> {
  try {
    const r = await fetch(path, { method: "HEAD" });
    if (!r.ok) return r.status;
    const type = r.headers.get("Content-Type") ?? "";
    return /javascript|ecmascript/.test(type) ? "" : type || "?";
  } catch (e) {
    return e instanceof Error ? e.message : String(e);
  }
}
