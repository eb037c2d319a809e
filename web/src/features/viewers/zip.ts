// What is needed of ZIP to read a book: names, and stored or deflated contents. (APPNOTE.TXT 4.3)

interface Entry {
  deflated: boolean;
  packed: number; // bytes
  at: number; // of its local header
}

/** Zip is an archive in memory. */
export class Zip {
  private readonly entries = new Map<string, Entry>();

  /** It throws if the bytes are no archive. No file in it may be larger than `largest` bytes. */
  constructor(
    private readonly bytes: Uint8Array<ArrayBuffer>,
    private readonly largest = 50_000_000,
  ) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let end = bytes.length - 22;
    while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
    if (end < 0) throw new Error("no ZIP archive");
    let at = view.getUint32(end + 16, true);
    for (let n = view.getUint16(end + 10, true); n > 0; n--) {
      if (view.getUint32(at, true) !== 0x02014b50) throw new Error("damaged ZIP archive");
      const [name, extra, comment] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true), view.getUint16(at + 32, true)];
      this.entries.set(new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name)), { deflated: view.getUint16(at + 10, true) === 8, packed: view.getUint32(at + 20, true), at: view.getUint32(at + 42, true) });
      at += 46 + name + extra + comment;
    }
  }

  /** read unpacks a file; undefined if there is none of this name. It throws if the file is damaged or too large. */
  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const e = this.entries.get(name);
    if (!e) return undefined;
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + e.at, 30);
    const from = e.at + 30 + view.getUint16(26, true) + view.getUint16(28, true);
    const packed = this.bytes.subarray(from, from + e.packed);
    if (!e.deflated) return packed;
    const out: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for (const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader(); ; ) {
      const { value, done } = await reader.read();
      if (done) break;
      if ((size += value.length) > this.largest) {
        await reader.cancel();
        throw new Error(`“${name}” is too large`);
      }
      out.push(value);
    }
    return new Uint8Array(await new Blob(out).arrayBuffer());
  }
}
