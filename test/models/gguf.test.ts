import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { dequantise, half, metaList, metaNumber, metaText, readBlocks, readGguf } from '../../src/models/gguf.js'
import { BLOCKS, type BlockType } from '../../src/models/gguf-head.js'
import { float16 } from './reference-llama.js'
import { ggufBytes, SIZES, tinyLlama } from './tiny-gguf.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Writes bytes under a name of their own. */
let count = 0
async function file(bytes: Uint8Array): Promise<string> {
  const path = join(folder, `${count++}.gguf`)
  await writeFile(path, bytes)
  return path
}
const tiny = (options = {}) => {
  const { metadata, tensors } = tinyLlama(options)
  return ggufBytes(metadata, tensors)
}

test('every float16 has its value', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const found = half(Uint8Array.of(bits & 255, bits >> 8), 0)
    if (((bits >> 10) & 31) === 31)
      expect(found).toBe((bits & 1023) !== 0 ? Number.NaN : bits & 0x8000 ? -Infinity : Infinity)
    else expect(found).toBe(float16(bits))
  }
})

describe('dequantise, by the formula of each block', () => {
  test('F32 and F16', () => {
    expect([...dequantise('F32', new Uint8Array(Float32Array.of(1.5, -2).buffer))]).toEqual([1.5, -2])
    expect([...dequantise('F16', Uint8Array.of(0, 0x3c, 0, 0xc0))]).toEqual([1, -2])
  })

  test('Q8_0: d·q, q signed', () => {
    const block = new Uint8Array(34)
    block.set([0, 0x38, 127, 128, 255]) // d = 0.5; q = 127, −128, −1
    expect([...dequantise('Q8_0', block)].slice(0, 4)).toEqual([63.5, -64, -0.5, 0])
  })

  test('Q4_1: d·q + m, the low halves first', () => {
    const block = new Uint8Array(20)
    block.set([0, 0x40, 0, 0xbc]) // d = 2, m = −1
    block[4] = 0x3f // weight 0: 15, weight 16: 3
    const x = dequantise('Q4_1', block)
    expect([x[0], x[1], x[16], x[17]]).toEqual([29, -1, 5, -1])
  })

  test('any bytes give as many weights as their blocks hold', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(BLOCKS) as BlockType[])),
        fc.nat(5),
        fc.infiniteStream(fc.nat(255)),
        (type, n, random) => {
          const bytes = Uint8Array.from({ length: n * BLOCKS[type].bytes }, () => random.next().value)
          return dequantise(type, bytes).length === n * BLOCKS[type].weights
        },
      ),
    )
  })
})

test('reads metadata and tensors, dims row-major', async () => {
  const g = await readGguf(await file(tiny({ linear: 3, embedding: 8 })))
  expect(metaText(g, 'general.architecture')).toBe('llama')
  expect(metaNumber(g, 'llama.block_count')).toBe(SIZES.layers)
  expect(metaList(g, 'tokenizer.ggml.tokens', 'string')).toHaveLength(SIZES.vocabulary)
  const t = g.tensors.get('blk.1.ffn_down.weight')!
  expect(t).toMatchObject({
    type: 'Q4_1',
    dims: [SIZES.width, SIZES.hidden],
    length: (SIZES.width * SIZES.hidden * 20) / 32,
  })
  const stored = tinyLlama({ linear: 3, embedding: 8 }).tensors.find(x => x.name === t.name)!
  expect(Buffer.from(await readBlocks(g, t)).equals(stored.bytes)).toBe(true)
})

describe('what is wrong is named', () => {
  const error = async (bytes: Uint8Array) => {
    const thrown = await readGguf(await file(bytes)).catch((e: unknown) => e)
    expect(thrown).toBeInstanceOf(InputError)
    return (thrown as Error).message
  }

  test('not GGUF at all', async () => {
    expect(await error(Buffer.from('PK not a model'))).toMatch(
      /^reading \d+\.gguf: not a whole GGUF file: .*magic number/,
    )
  })

  test('cut off in the weights', async () => {
    const path = await file(tiny())
    const { length } = await readFile(path)
    await truncate(path, length - 1000)
    await expect(readGguf(path)).rejects.toThrow(
      `truncated or altered: tensor blk.1.ffn_down.weight ends at byte ${length}, the file has ${length - 1000} bytes`,
    )
  })

  test('cut off in the head', async () => {
    const bytes = tiny()
    for (const n of [0, 3, 8, 20, 100, 900])
      expect(await error(bytes.subarray(0, n))).toMatch(/truncated|not a whole GGUF file/)
  })

  test('cut off between head and weights being read', async () => {
    const path = await file(tiny())
    const g = await readGguf(path)
    await truncate(path, 5000)
    await expect(readBlocks(g, g.tensors.get('blk.1.ffn_down.weight')!)).rejects.toThrow(
      /tensor blk.1.ffn_down.weight needs \d+ bytes, found 0/,
    )
  })

  test('weights of another type', async () => {
    const { metadata, tensors } = tinyLlama()
    tensors[0]!.type = 12
    expect(await error(ggufBytes(metadata, tensors))).toContain(
      'tensor token_embd.weight has weights of type Q4_K; F32, F16, Q4_1, Q8_0 are supported',
    )
  })

  test('two tensors of one name', async () => {
    const { metadata, tensors } = tinyLlama()
    tensors[3]!.name = tensors[2]!.name
    expect(await error(ggufBytes(metadata, tensors))).toContain(`two tensors are named ${tensors[2]!.name}`)
  })

  test('metadata of another kind', async () => {
    const g = await readGguf(await file(tiny()))
    expect(() => metaNumber(g, 'general.architecture')).toThrow(
      'metadata general.architecture must be a number, found string llama',
    )
    expect(() => metaText(g, 'absent')).toThrow('metadata absent must be a text, found nothing')
    expect(() => metaList(g, 'tokenizer.ggml.tokens', 'number')).toThrow(
      'must be a list of numbers, found a list of 288',
    )
  })
})

test('altered files give a clear error or tensors that lie inside the file, never anything else', async () => {
  const bytes = tiny({ linear: 3, embedding: 8 })
  const path = join(folder, 'fuzz.gguf')
  const head = 9_000 // bytes that hold more than the numbers of the weights
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(head), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      fc.option(fc.nat(bytes.length)),
      async (changes, cut) => {
        const altered = Uint8Array.from(bytes)
        for (const [at, value] of changes) altered[at] = value
        const whole = altered.subarray(0, cut ?? undefined)
        await writeFile(path, whole)
        const g = await readGguf(path).catch((e: unknown) => e as Error)
        if (g instanceof Error) expect(g).toBeInstanceOf(InputError)
        else for (const t of g.tensors.values()) expect(t.offset + t.length).toBeLessThanOrEqual(whole.length)
      },
    ),
    { numRuns: 150 },
  )
})
