import { sha256 as portable } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/** Node's own hash is ten times as fast (8 against 85 ms for 10 MB); asked for in a way that a browser can run too. */
const native = globalThis.process?.getBuiltinModule?.('node:crypto')?.createHash

/** SHA-256 of texts (as UTF-8) and bytes, one after the other, in hex. */
export function sha256(parts: Iterable<string | Uint8Array>, createHash: typeof native | null = native): string {
  if (createHash) {
    const hash = createHash('sha256')
    for (const part of parts) hash.update(part)
    return hash.digest('hex')
  }
  const hash = portable.create()
  for (const part of parts) hash.update(typeof part === 'string' ? utf8ToBytes(part) : part)
  return bytesToHex(hash.digest())
}
