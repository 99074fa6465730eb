import { expect, test } from 'vitest'
import { parseHead } from '../../src/models/gguf-head.js'
import type { Random } from '../../src/tensor.js'
import { fuzz, type Mutation, mutations, NUMBERS, putNumber } from '../helpers/mutate.js'
import { ggufBytes, type Meta } from './tiny-gguf.js'

const INPUTS = 20_000

const metadata: Record<string, Meta> = {
  'general.architecture': { text: 'llama' },
  'general.alignment': { u32: 32 },
  'llama.block_count': { u32: 2 },
  'llama.rope.freq_base': { f32: 10000 },
  'tokenizer.ggml.tokens': { texts: ['<s>', 'a', 'ü'] },
  'tokenizer.ggml.token_type': { i32s: [3, 1, 1] },
  flag: { flag: true },
}
const TYPES = [
  [0, 4],
  [1, 2],
  [3, 20 / 32],
  [8, 34 / 32],
] as const
const tensors = TYPES.map(([type, size], i) => ({
  name: `blk.${i}.weight`,
  dims: [3, 32],
  type,
  bytes: new Uint8Array(96 * size),
}))
const bytes = ggufBytes(metadata, tensors)
const sound = Buffer.from(bytes)

/** Places of the head's numbers: version, counts, lengths, codes, sizes, offsets; and of its names. */
function places(): { numbers: { at: number; size: 4 | 8 }[]; names: { at: number; length: number }[] } {
  const numbers: { at: number; size: 4 | 8 }[] = []
  const names: { at: number; length: number }[] = []
  let at = 4
  const u32 = () => {
    numbers.push({ at, size: 4 })
    at += 4
    return sound.readUInt32LE(at - 4)
  }
  const u64 = () => {
    numbers.push({ at, size: 8 })
    at += 8
    return Number(sound.readBigUInt64LE(at - 8))
  }
  const text = () => {
    const length = u64()
    names.push({ at, length })
    at += length
  }
  const value = (code: number): void => {
    if (code === 8) text()
    else if (code === 9) {
      const kind = u32()
      for (let left = u64(); left > 0; left--) value(kind)
    } else if (code === 7) at += 1
    else u32()
  }
  u32()
  const [tensorCount, metaCount] = [u64(), u64()]
  for (let i = 0; i < metaCount; i++) {
    text()
    value(u32())
  }
  for (let i = 0; i < tensorCount; i++) {
    text()
    for (let left = u32(); left > 0; left--) u64()
    u32()
    u64()
  }
  return { numbers, names }
}
const { numbers, names } = places()
const pick = <T>(items: readonly T[], rng: Random): T => items[rng.below(items.length)]!

/** Puts a number where the sound file has one. */
const atNumber =
  (change: (old: bigint, rng: Random) => bigint): Mutation =>
  (bytes, rng) => {
    const { at, size } = pick(numbers, rng)
    const out = Buffer.from(bytes)
    if (at + size > out.length) return bytes
    if (size === 4) out.writeUInt32LE(Number(BigInt.asUintN(32, change(BigInt(out.readUInt32LE(at)), rng))), at)
    else out.writeBigUInt64LE(BigInt.asUintN(64, change(out.readBigUInt64LE(at), rng)), at)
    return out
  }

/** A list of lists of lists …, of no length at the end, as the value of one more key. */
function nested(depth: number): Buffer {
  const level = Buffer.alloc(12)
  level.writeUInt32LE(9)
  level.writeBigUInt64LE(1n, 4)
  const key = Buffer.alloc(13)
  key.writeBigUInt64LE(1n)
  key.write('n', 8)
  key.writeUInt32LE(9, 9)
  return Buffer.concat([key, ...Array<Buffer>(depth).fill(level), Buffer.alloc(12)])
}
const afterCounts = 24

const structural: Mutation[] = [
  atNumber((_, rng) => pick(NUMBERS, rng)),
  atNumber((old, rng) => old + BigInt(rng.below(5)) - 2n),
  atNumber((_, rng) => BigInt(rng.below(14))),
  atNumber((old, rng) => old * BigInt(2 + rng.below(1000))),
  // One number into the place of another.
  (bytes, rng) => {
    const [from, to] = [pick(numbers, rng), pick(numbers, rng)]
    const out = Buffer.from(bytes)
    if (from.at + 8 <= out.length && to.at + 8 <= out.length) out.copy(out, to.at, from.at, from.at + to.size)
    return out
  },
  // A name twice, or of bytes that are no text.
  (bytes, rng) => {
    const [from, to] = [pick(names, rng), pick(names, rng)]
    const out = Buffer.from(bytes)
    if (Math.max(from.at + from.length, to.at + to.length) > out.length) return bytes
    if (rng.below(2)) out.fill(0x80 + rng.below(128), to.at, to.at + to.length)
    else out.copy(out, to.at, from.at, from.at + Math.min(from.length, to.length))
    return out
  },
  // A value more than the file said, nested deeply; the count put right or not.
  (bytes, rng) => {
    const out = Buffer.concat([bytes.subarray(0, afterCounts), nested(10 ** rng.below(5)), bytes.subarray(afterCounts)])
    if (out.length > 24 && rng.below(2)) out.writeBigUInt64LE(BigInt(Object.keys(metadata).length + 1), 16)
    return out
  },
  (bytes, rng) => putNumber(bytes, rng.below(32), rng),
  (bytes, rng) => bytes.slice(0, rng.below(bytes.length + 1)),
]

test('damaged GGUF heads are refused in words, at once, without asking for much memory', { timeout: 120_000 }, () => {
  const read = (bytes: Uint8Array) => {
    const head = parseHead(bytes, bytes.length, 'model.gguf')
    if (!head) throw new Error('a whole file, and yet more bytes are wanted')
    for (const { offset, length, dims } of head.tensors.values())
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length && dims.every(Number.isInteger)))
        throw new Error(`let through: ${offset} + ${length} of ${bytes.length}`)
    // Of the file's first half nothing else can be known but that more is needed, or that it is damaged.
    const half = bytes.subarray(0, bytes.length >> 1)
    parseHead(half, bytes.length, 'model.gguf')
  }
  const seen = fuzz(mutations(1, INPUTS, [bytes], structural), read)
  console.info('GGUF', seen)
  expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(INPUTS / 50)
})
