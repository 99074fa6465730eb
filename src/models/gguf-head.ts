import { InputError, quote } from '../errors.js'

/** How llama.cpp stores weights: `weights` of them take `bytes` bytes; one such block is the unit of storage. */
export const BLOCKS = {
  F32: { weights: 1, bytes: 4 },
  F16: { weights: 1, bytes: 2 },
  /** d, m as float16, 32 four-bit q: x = d·q + m. Byte i holds q of weight i (low half) and of weight i + 16. */
  Q4_1: { weights: 32, bytes: 20 },
  /** d as float16, 32 int8 q: x = d·q. */
  Q8_0: { weights: 32, bytes: 34 },
} as const

export type BlockType = keyof typeof BLOCKS

/** Names of ggml's types of weights by their codes (ggml.h). */
const TYPES = 'F32 F16 Q4_0 Q4_1 Q4_2 Q4_3 Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K'.split(' ')

/** A tensor of a GGUF file. `dims` are row-major, the reverse of the file's own order: a linear layer is [out, in]. */
export interface GgufTensor {
  name: string
  type: BlockType
  dims: number[]
  /** Place of its blocks in the file [bytes]. */
  offset: number
  length: number
}

export type Meta = number | bigint | boolean | string | Meta[]

export interface GgufHead {
  metadata: ReadonlyMap<string, Meta>
  tensors: ReadonlyMap<string, GgufTensor>
}

/** Types of single metadata values by code: size [bytes], and how one is read. Code 8 is a text, 9 a list. */
const SCALARS: Readonly<Record<number, readonly [number, (v: DataView, at: number) => Meta]>> = {
  0: [1, (v, at) => v.getUint8(at)],
  1: [1, (v, at) => v.getInt8(at)],
  2: [2, (v, at) => v.getUint16(at, true)],
  3: [2, (v, at) => v.getInt16(at, true)],
  4: [4, (v, at) => v.getUint32(at, true)],
  5: [4, (v, at) => v.getInt32(at, true)],
  6: [4, (v, at) => v.getFloat32(at, true)],
  7: [1, (v, at) => v.getUint8(at) !== 0],
  10: [8, (v, at) => v.getBigUint64(at, true)],
  11: [8, (v, at) => v.getBigInt64(at, true)],
  12: [8, (v, at) => v.getFloat64(at, true)],
}
const [TEXT, LIST] = [8, 9]
/** Deepest nesting of lists, and most sizes of a tensor, that are accepted. */
const DEEPEST = 4
const MOST_DIMS = 8

/** Thrown inside the parser where the bytes at hand end before the head does. */
const SHORT = new Error('more bytes are needed')

/**
 * Parses the head of a GGUF file, version 2 or 3 (ggml/docs/gguf.md), and checks that every tensor it lists lies inside
 * the file. No count in the file is believed before the file was seen to be long enough for it.
 *
 * @param bytes the file's first bytes
 * @param size of the whole file [bytes]
 * @returns undefined if the head does not end within the bytes given
 * @throws InputError if this is no such head, or the file is too short for it
 */
export function parseHead(bytes: Uint8Array, size: number, file: string): GgufHead | undefined {
  const fail = (what: string): never => {
    throw new InputError(`reading ${file}: ${what}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  /** The place of the next `n` bytes, and past them. */
  const take = (n: number): number => {
    const from = at
    if (at + n > size) fail(`truncated: its head needs ${n} bytes at byte ${at}, the file has ${size}`)
    if (at + n > bytes.length) throw SHORT
    at += n
    return from
  }
  const u32 = () => view.getUint32(take(4), true)
  const u64 = () => Number(view.getBigUint64(take(8), true))
  /** A number of things that take at least `each` bytes. */
  const count = (each: number): number => {
    const n = u64()
    if (n * each > size - at) fail(`truncated or altered: its head lists ${n} things, for which the file is too short`)
    return n
  }
  const text = (): string => {
    const length = count(1)
    const from = take(length)
    return new TextDecoder().decode(bytes.subarray(from, from + length))
  }
  const value = (code: number, depth: number): Meta => {
    const scalar = SCALARS[code]
    if (scalar) return scalar[1](view, take(scalar[0]))
    if (code === TEXT) return text()
    if (code !== LIST || depth === DEEPEST)
      return fail(`its metadata hold a value of type ${code}${code === LIST ? `, nested deeper than ${DEEPEST}` : ''}`)
    const kind = u32()
    const items: Meta[] = []
    for (let left = count(SCALARS[kind]?.[0] ?? 8); left > 0; left--) items.push(value(kind, depth + 1))
    return items
  }

  const parse = (): GgufHead => {
    if (bytes.length < 4 || String.fromCharCode(...bytes.subarray(0, 4)) !== 'GGUF')
      fail('not a whole GGUF file: it does not start with the magic number GGUF')
    take(4)
    const version = u32()
    if (version > 0xffff) fail('its numbers are big-endian; only little-endian files are read')
    if (version !== 2 && version !== 3) fail(`it is of version ${version}; 2 and 3 are read`)
    const [tensorCount, metaCount] = [count(24), count(13)]
    const metadata = new Map<string, Meta>()
    for (let i = 0; i < metaCount; i++) {
      const key = text()
      if (metadata.has(key)) fail(`altered: two metadata are named ${quote(key)}`)
      metadata.set(key, value(u32(), 0))
    }
    const entries: ReturnType<typeof entry>[] = []
    while (entries.length < tensorCount) entries.push(entry())
    return { metadata, tensors: place(entries, metadata) }
  }
  const entry = (): Omit<GgufTensor, 'type' | 'length'> & { code: number } => {
    const name = text()
    const rank = u32()
    if (rank > MOST_DIMS) fail(`tensor ${quote(name)} has ${rank} sizes; at most ${MOST_DIMS} are read`)
    const dims: number[] = []
    for (let i = 0; i < rank; i++) dims.unshift(u64())
    return { name, dims, code: u32(), offset: u64() }
  }
  const place = (entries: readonly ReturnType<typeof entry>[], metadata: GgufHead['metadata']) => {
    const alignment = metadata.get('general.alignment') ?? 32
    if (typeof alignment !== 'number' || !Number.isSafeInteger(alignment) || alignment < 1)
      return fail(`general.alignment must be a positive integer, found a ${typeof alignment}`)
    const start = Math.ceil(at / alignment) * alignment
    const tensors = new Map<string, GgufTensor>()
    for (const { name, dims, code, offset: from } of entries) {
      const type = TYPES[code] as BlockType
      if (!Object.hasOwn(BLOCKS, type))
        fail(
          `tensor ${quote(name)} has weights of type ${type ?? code}; ${Object.keys(BLOCKS).join(', ')} are supported`,
        )
      const block = BLOCKS[type]
      if (dims.length === 0 || dims.at(-1)! % block.weights !== 0)
        fail(`tensor ${quote(name)} [${dims}]: its rows are not whole ${type} blocks of ${block.weights} weights`)
      const offset = start + from
      const length = (dims.reduce((n, d) => n * d, 1) / block.weights) * block.bytes
      if (offset + length > size)
        fail(`truncated or altered: tensor ${quote(name)} ends at byte ${offset + length}, the file has ${size} bytes`)
      if (tensors.has(name)) fail(`altered: two tensors are named ${quote(name)}`)
      tensors.set(name, { name, type, dims, offset, length })
    }
    return tensors
  }
  try {
    return parse()
  } catch (thrown) {
    if (thrown === SHORT) return undefined
    throw thrown
  }
}
