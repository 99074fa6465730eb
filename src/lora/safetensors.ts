import { z } from 'zod'
import { InputError } from '../errors.js'
import { parseJson } from '../json.js'
import { sizeOf, type Tensor } from '../tensor.js'

/** Largest header accepted [bytes], as in the format's reference implementation. */
const MAX_HEADER = 100_000_000
/** Longest name of a tensor accepted [characters]. */
const MAX_NAME = 1_000

const size = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)
const entry = z.object({ dtype: z.string(), shape: z.array(size).max(8), data_offsets: z.tuple([size, size]) })

export interface Safetensors {
  tensors: Map<string, Tensor>
  metadata: Record<string, string>
}

/** The element types read: size of an element [bytes], and all elements as float32, which is exact for all three. */
const DTYPES: Readonly<Record<string, { bytes: number; toFloat32: (bytes: Uint8Array) => Float32Array }>> = {
  F32: { bytes: 4, toFloat32: bytes => new Float32Array(...aligned(bytes, 4)) },
  F16: { bytes: 2, toFloat32: bytes => widen(new Uint16Array(...aligned(bytes, 2)), float16Bits) },
  BF16: { bytes: 2, toFloat32: bytes => widen(new Uint16Array(...aligned(bytes, 2)), bits => bits << 16) },
}

/** Where elements of `each` bytes can be read as such: in place, or in a copy if they lie off their multiple. */
function aligned(bytes: Uint8Array, each: number): [ArrayBufferLike, number, number] {
  const { buffer, byteOffset } = bytes.byteOffset % each === 0 ? bytes : new Uint8Array(bytes)
  return [buffer, byteOffset, bytes.length / each]
}

function widen(halves: Uint16Array, float32Bits: (bits: number) => number): Float32Array {
  const out = new Uint32Array(halves.length)
  for (let i = 0; i < halves.length; i++) out[i] = float32Bits(halves[i]!)
  return new Float32Array(out.buffer)
}

/** IEEE 754 binary16 (sign, 5 bits of exponent, 10 of mantissa) as the bits of the binary32 of the same value. */
function float16Bits(bits: number): number {
  const [sign, exponent, mantissa] = [(bits & 0x8000) << 16, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return sign | 0x7f800000 | (mantissa << 13)
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13)
  if (mantissa === 0) return sign
  // A subnormal, mantissa · 2⁻²⁴, is a normal binary32: its leading one goes to bit 10 and is dropped.
  const shift = Math.clz32(mantissa) - 21
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 1023) << 13)
}

/**
 * Reads a safetensors file of float32, float16 or bfloat16 tensors (an 8-byte header length, a JSON header, the data).
 * Nothing is allocated from a number in the file before the file was seen to be long enough for it; float32 tensors are
 * views of `bytes` where they lie on a multiple of four, so the caller must not write to it any more.
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

  const header = parseJson(bytes.subarray(8, start), `reading ${file}, header`)
  if (header === null || typeof header !== 'object' || Array.isArray(header))
    return fail('the header is no JSON object')
  const { __metadata__ = {}, ...entries } = header as Record<string, unknown>
  const metadata = z.record(z.string(), z.string()).safeParse(__metadata__)
  if (!metadata.success) return fail('its metadata are not texts')
  const found = Object.entries(entries).map(([name, raw]) => {
    if (name.length > MAX_NAME) fail(`a tensor's name has ${name.length} characters; at most ${MAX_NAME} are read`)
    const e = entry.safeParse(raw)
    if (!e.success) return fail(`tensor ${name}: ${e.error.issues[0]?.message ?? 'malformed entry'}`)
    const { dtype, shape, data_offsets } = e.data
    const [from, to] = data_offsets
    const { bytes: each, toFloat32 } =
      (Object.hasOwn(DTYPES, dtype) && DTYPES[dtype]) ||
      fail(`tensor ${name} has type ${dtype}; ${Object.keys(DTYPES).join(', ')} are supported`)
    if (to - from !== sizeOf(shape) * each)
      fail(`tensor ${name} [${shape}] needs ${sizeOf(shape) * each} bytes, found ${to - from}`)
    if (start + to > bytes.length)
      fail(`tensor ${name} ends at byte ${start + to}, the file has ${bytes.length}; it is cut short`)
    return { name, shape, from, to, toFloat32 }
  })
  // As the format demands: the tensors fill the data from its start to its end, none over another.
  let at = 0
  for (const { name, from, to } of found.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== at) fail(`tensor ${name} starts at byte ${from} of the data, where ${at} was expected; it is damaged`)
    at = to
  }
  if (start + at !== bytes.length) fail(`its tensors take ${at} bytes of ${bytes.length - start}; it is damaged`)
  return {
    tensors: new Map(
      found.map(({ name, shape, from, to, toFloat32 }) => [
        name,
        { dims: shape, data: toFloat32(bytes.subarray(start + from, start + to)) },
      ]),
    ),
    metadata: metadata.data,
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
