import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { GGMLQuantizationType, gguf } from '@huggingface/gguf'
import { InputError, messageOf } from '../errors.js'
import { sizeOf } from '../tensor.js'

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

/** A tensor of a GGUF file. `dims` are row-major, the reverse of the file's own order: a linear layer is [out, in]. */
export interface GgufTensor {
  name: string
  type: BlockType
  dims: number[]
  /** Place of its blocks in the file [bytes]. */
  offset: number
  length: number
}

export interface Gguf {
  path: string
  metadata: ReadonlyMap<string, unknown>
  tensors: ReadonlyMap<string, GgufTensor>
}

/**
 * Reads the head of a GGUF file and checks that every tensor it lists lies inside the file.
 *
 * @throws InputError if the file is not GGUF, is truncated, or holds a type of weights that is not in {@link BLOCKS}
 */
export async function readGguf(path: string): Promise<Gguf> {
  const fail = (what: string, cause?: unknown): never => {
    throw new InputError(`reading ${basename(path)}: ${what}`, { cause })
  }
  const { size, head } = await (async () => {
    const file = await open(path)
    try {
      return { size: (await file.stat()).size, head: await gguf(path, { allowLocalFile: true }) }
    } finally {
      await file.close()
    }
  })().catch(cause => fail(`not a whole GGUF file: ${messageOf(cause)}`, cause))

  // The library reads zeros behind the end of a file.
  const end = head.tensorInfoByteRange[1]
  if (end > size) fail(`truncated: its head needs at least ${end} bytes, the file has ${size}`)
  if (!head.littleEndian) fail('its numbers are big-endian; only little-endian files are read')
  const tensors = new Map<string, GgufTensor>()
  for (const t of head.tensorInfos) {
    const type = GGMLQuantizationType[t.dtype] as BlockType
    if (!Object.hasOwn(BLOCKS, type))
      fail(`tensor ${t.name} has weights of type ${type ?? t.dtype}; ${Object.keys(BLOCKS).join(', ')} are supported`)
    const { weights, bytes } = BLOCKS[type]
    const dims = t.shape.map(Number).reverse()
    if (dims.length === 0 || dims.at(-1)! % weights !== 0)
      fail(`tensor ${t.name} [${dims}]: its rows are not whole ${type} blocks of ${weights} weights`)
    const offset = Number(head.tensorDataOffset + t.offset)
    const length = (sizeOf(dims) / weights) * bytes
    if (offset + length > size)
      fail(`truncated or altered: tensor ${t.name} ends at byte ${offset + length}, the file has ${size} bytes`)
    if (tensors.has(t.name)) fail(`altered: two tensors are named ${t.name}`)
    tensors.set(t.name, { name: t.name, type, dims, offset, length })
  }
  return { path, metadata: new Map(Object.entries(head.metadata)), tensors }
}

/** The stored blocks of a tensor. @throws InputError if the file got shorter since its head was read */
export async function readBlocks(g: Gguf, t: GgufTensor): Promise<Uint8Array> {
  const file = await open(g.path)
  try {
    const bytes = new Uint8Array(t.length)
    const { bytesRead } = await file.read(bytes, 0, t.length, t.offset)
    if (bytesRead !== t.length)
      throw new InputError(`reading ${basename(g.path)}: tensor ${t.name} needs ${t.length} bytes, found ${bytesRead}`)
    return bytes
  } finally {
    await file.close()
  }
}

/** The value of every float16, by its 16 bits. */
const HALF = Float32Array.from({ length: 65536 }, (_, h) => {
  const [exponent, fraction] = [(h >> 10) & 31, h & 1023]
  const size =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 31
        ? fraction
          ? Number.NaN
          : Infinity
        : (1024 + fraction) * 2 ** (exponent - 25)
  return h & 0x8000 ? -size : size
})

/** The float16 at byte `at`. */
export const half = (b: Uint8Array, at: number): number => HALF[b[at]! | (b[at + 1]! << 8)]!

/**
 * Weights as float32, by the formulas of {@link BLOCKS} (ggml-quants.c, `dequantize_row_*`).
 *
 * @param blocks whole blocks of `type`
 */
export function dequantise(type: BlockType, blocks: Uint8Array): Float32Array {
  const { weights, bytes } = BLOCKS[type]
  const count = blocks.length / bytes
  const out = new Float32Array(count * weights)
  const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength)
  for (let b = 0; b < count; b++) {
    const [at, to] = [b * bytes, b * weights]
    if (type === 'F32') out[to] = view.getFloat32(at, true)
    else if (type === 'F16') out[to] = half(blocks, at)
    else if (type === 'Q8_0') {
      const d = half(blocks, at)
      for (let i = 0; i < 32; i++) out[to + i] = d * view.getInt8(at + 2 + i)
    } else {
      const [d, m] = [half(blocks, at), half(blocks, at + 2)]
      for (let i = 0; i < 16; i++) {
        const q = blocks[at + 4 + i]!
        out[to + i] = d * (q & 15) + m
        out[to + i + 16] = d * (q >> 4) + m
      }
    }
  }
  return out
}

/** A number of the file's metadata. @throws InputError if it is absent or not a number */
export function metaNumber(g: Gguf, key: string): number {
  const value = g.metadata.get(key)
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value)
  throw new InputError(`reading ${basename(g.path)}: metadata ${key} must be a number, found ${show(value)}`)
}

/** A text of the file's metadata. @throws InputError if it is absent or not a text */
export function metaText(g: Gguf, key: string): string {
  const value = g.metadata.get(key)
  if (typeof value === 'string') return value
  throw new InputError(`reading ${basename(g.path)}: metadata ${key} must be a text, found ${show(value)}`)
}

/** A list of the file's metadata. @throws InputError if it is absent or holds anything but `kind` */
export function metaList(g: Gguf, key: string, kind: 'string'): string[]
export function metaList(g: Gguf, key: string, kind: 'number'): number[]
export function metaList(g: Gguf, key: string, kind: 'string' | 'number'): unknown[] {
  const value = g.metadata.get(key)
  if (Array.isArray(value) && value.every(x => typeof x === kind)) return value
  throw new InputError(`reading ${basename(g.path)}: metadata ${key} must be a list of ${kind}s, found ${show(value)}`)
}

const show = (value: unknown): string =>
  value === undefined
    ? 'nothing'
    : Array.isArray(value)
      ? `a list of ${value.length}`
      : `${typeof value} ${value}`.slice(0, 80)
