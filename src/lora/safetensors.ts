import { z } from 'zod'
import { InputError, messageOf } from '../errors.js'
import { sizeOf, type Tensor } from '../tensor.js'

/** Largest header accepted [bytes], as in the format's reference implementation. */
const MAX_HEADER = 100_000_000

const size = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)
const entry = z.object({ dtype: z.string(), shape: z.array(size).max(8), data_offsets: z.tuple([size, size]) })

export interface Safetensors {
  tensors: Map<string, Tensor>
  metadata: Record<string, string>
}

/**
 * Reads a safetensors file of float32 tensors (an 8-byte header length, a JSON header, the data).
 *
 * @param file name for messages
 * @throws InputError for anything that is not exactly such a file
 */
export function readSafetensors(bytes: Uint8Array, file: string): Safetensors {
  const fail = (what: string): never => {
    throw new InputError(`reading ${file}: ${what}`)
  }
  if (bytes.length < 8) fail(`not a safetensors file: ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerLength = Number(view.getBigUint64(0, true))
  const start = 8 + headerLength
  if (headerLength > MAX_HEADER || start > bytes.length)
    fail(`the header is said to have ${headerLength} bytes, the file has ${bytes.length}`)

  const { __metadata__ = {}, ...entries } = parseHeader(bytes.subarray(8, start), fail)
  const metadata = z.record(z.string(), z.string()).safeParse(__metadata__)
  if (!metadata.success) return fail('its metadata are not texts')
  const found = Object.entries(entries).map(([name, raw]) => {
    const e = entry.safeParse(raw)
    if (!e.success) return fail(`tensor ${name}: ${e.error.issues[0]?.message ?? 'malformed entry'}`)
    const { dtype, shape, data_offsets } = e.data
    const [from, to] = data_offsets
    if (dtype !== 'F32') fail(`tensor ${name} has type ${dtype}; F32 is supported`)
    if (to - from !== sizeOf(shape) * 4)
      fail(`tensor ${name} [${shape}] needs ${sizeOf(shape) * 4} bytes, found ${to - from}`)
    if (start + to > bytes.length)
      fail(`tensor ${name} ends at byte ${start + to}, the file has ${bytes.length}; it is cut short`)
    return { name, shape, from, to }
  })
  // As the format demands: the tensors fill the data from its start to its end, none over another.
  let at = 0
  for (const { name, from, to } of found.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== at) fail(`tensor ${name} starts at byte ${from} of the data, where ${at} was expected; it is damaged`)
    at = to
  }
  if (start + at !== bytes.length) fail(`its tensors take ${at} bytes of ${bytes.length - start}; it is damaged`)
  // A copy, because the data need not lie on a multiple of four bytes.
  const copy = (from: number, to: number) =>
    new Float32Array(new Uint8Array(bytes.subarray(start + from, start + to)).buffer)
  return {
    tensors: new Map(found.map(({ name, shape, from, to }) => [name, { dims: shape, data: copy(from, to) }])),
    metadata: metadata.data,
  }
}

function parseHeader(bytes: Uint8Array, fail: (what: string) => never): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (header === null || typeof header !== 'object' || Array.isArray(header))
      return fail('the header is no JSON object')
    return header as Record<string, unknown>
  } catch (cause) {
    return fail(`the header is no JSON: ${messageOf(cause)}`)
  }
}

/** Tensors in name order, so that equal adapters are equal files. */
export function writeSafetensors({ tensors, metadata }: Safetensors): Uint8Array {
  const names = [...tensors.keys()].sort()
  let at = 0
  const header: Record<string, unknown> = { __metadata__: metadata }
  for (const name of names) {
    const { dims, data } = tensors.get(name)!
    header[name] = { dtype: 'F32', shape: dims, data_offsets: [at, at + data.byteLength] }
    at += data.byteLength
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  // Padded with spaces, so that the data starts on a multiple of eight bytes.
  const padded = Math.ceil(text.length / 8) * 8
  const out = new Uint8Array(8 + padded + at).fill(0x20, 8, 8 + padded)
  new DataView(out.buffer).setBigUint64(0, BigInt(padded), true)
  out.set(text, 8)
  let offset = 8 + padded
  for (const name of names) {
    const { data } = tensors.get(name)!
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset)
    offset += data.byteLength
  }
  return out
}
