/** The browser's store of model files, by SHA-256: a model is sent once, however often the page is loaded. */
const STORE = 'lora-harness-models'
const addressOf = (sha256: string) => `/lora-harness-models/${sha256}`

const hexOf = (bytes: ArrayBuffer): string =>
  [...new Uint8Array(bytes)].map(byte => byte.toString(16).padStart(2, '0')).join('')

/**
 * A file that was kept before and is still what its name says; undefined if there is none. Pages that did not come over
 * https or from this machine have no store.
 */
export async function keptFile(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (!globalThis.caches) return undefined
  const found = await (await caches.open(STORE)).match(addressOf(sha256))
  if (!found) return undefined
  const bytes = new Uint8Array(await found.arrayBuffer())
  return (await isWhole(bytes, sha256)) ? bytes : undefined
}

/** @returns why it could not be kept; null if it was */
export async function keepFile(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  if (!globalThis.caches) return 'this page is not served over https or from this machine, so the browser keeps nothing'
  try {
    await (await caches.open(STORE)).put(addressOf(sha256), new Response(bytes))
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error) // No room.
  }
}

/** Is it what was meant? Pages without a secure address cannot tell, and take it as it comes over their own line. */
export const isWhole = async (bytes: Uint8Array<ArrayBuffer>, sha256: string): Promise<boolean> =>
  !globalThis.crypto?.subtle || hexOf(await crypto.subtle.digest('SHA-256', bytes)) === sha256
