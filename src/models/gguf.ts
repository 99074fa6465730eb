import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { InputError, messageOf } from '../errors.js'
import { BLOCKS, type BlockType, type GgufHead, type GgufTensor, parseHead } from './gguf-head.js'

export interface Gguf extends GgufHead {
  path: string
}

/** Bytes of the head read first; as often as it goes on behind them, twice as many are read. */
const FIRST = 2 ** 20
/** Longest head accepted [bytes]: a large vocabulary takes 10 MB. */
const LONGEST = 2 ** 28

/**
 * Reads the head of a GGUF file.
 *
 * @throws InputError if the file is not GGUF, is truncated, or holds a type of weights that is not in {@link BLOCKS}
 */
export async function readGguf(path: string): Promise<Gguf> {
  const name = basename(path)
  const file = await open(path).catch((cause: unknown) => {
    throw new InputError(`reading ${name}: ${messageOf(cause)}`, { cause })
  })
  try {
    const { size } = await file.stat()
    for (let length = FIRST; length <= LONGEST; length *= 2) {
      const bytes = new Uint8Array(Math.min(length, size))
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
      if (bytesRead !== bytes.length) break
      const head = parseHead(bytes, size, name)
      if (head) return { path, ...head }
    }
    throw new InputError(`reading ${name}: its head goes on behind byte ${Math.min(size, LONGEST)}, where it must end`)
  } finally {
    await file.close()
  }
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
