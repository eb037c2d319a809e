// Puts name.br and name.gz beside every file of a folder that they make smaller by more than a tenth.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const [folder] = process.argv.slice(2)
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  // Pages are different in every answer: they hold a nonce.
  if (!entry.isFile() || !/\.(css|js|json|map|md|mjs|svg|txt|wasm|webmanifest|xml)$/.test(entry.name)) continue
  const path = join(entry.parentPath ?? entry.path, entry.name)
  const raw = readFileSync(path)
  for (const [ext, packed] of [
    ['.br', brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length } })],
    ['.gz', gzipSync(raw, { level: 9 })]
  ]) {
    if (packed.length < raw.length * 0.9) writeFileSync(path + ext, packed)
  }
}
