import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isExternal } from '../../src/graph/graph.js'
import { convertGguf } from '../../src/models/convert.js'
import { readGguf } from '../../src/models/gguf.js'
import { readOnnx } from '../../src/onnx/read.js'
import { difference, logits } from './logits.js'
import { referenceLogits } from './reference-llama.js'
import { ggufBytes, tinyLlama } from './tiny-gguf.js'

const IDS = [5, 17, 250, 3, 99, 99, 12, 201, 0, 45, 77]
const F32 = 0
const F16 = 1
const Q4_1 = 3
const Q8_0 = 8

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'llama-'))
})
afterAll(() => rm(home, { recursive: true }))

let count = 0
async function converted(tiny: ReturnType<typeof tinyLlama>): Promise<{ gguf: string; folder: string }> {
  const folder = await mkdtemp(join(home, 'model-'))
  const gguf = join(home, `${count++}.gguf`)
  await writeFile(gguf, ggufBytes(tiny.metadata, tiny.tensors))
  await convertGguf(gguf, folder, () => {})
  return { gguf, folder }
}

describe.each([
  ['float32, tied embeddings', { linear: F32, embedding: F32 }],
  ['float16, an LM head of its own', { linear: F16, embedding: F16, tied: false }],
  ['eight bits', { linear: Q8_0, embedding: Q8_0 }],
  ['four bits, embedding in eight', { linear: Q4_1, embedding: Q8_0 }],
])('%s', (_, options) => {
  // Logits of up to 7 from sums of 64 to 96 float32 products in two layers: rounding up to 7e-6 was seen.
  const tolerance = 2e-5

  test('logits agree with a float64 evaluation of the same weights, cached or not', async () => {
    const { gguf, folder } = await converted(tinyLlama(options))
    const expected = await referenceLogits(await readGguf(gguf), IDS)
    const files = options.linear === Q4_1 ? ['model.onnx', 'model_q4.onnx'] : ['model.onnx']
    for (const file of files)
      for (const cached of [0, 6, IDS.length - 1]) {
        const found = await logits(join(folder, 'onnx', file), IDS, cached)
        expect(difference(found, expected), `${file}, ${cached} cached`).toBeLessThan(tolerance)
      }
    // The check sees a wrong model: the same weights, other tokens before the last.
    expect(
      difference(
        (await logits(join(folder, 'onnx', 'model.onnx'), [6, ...IDS.slice(1)])).slice(-1),
        expected.slice(-1),
      ),
    ).toBeGreaterThan(0.01)
  })
})

test('four-bit layers stay four bits; what is not Q4_1 stays float32', async () => {
  const tiny = tinyLlama({ linear: Q4_1, embedding: Q8_0 })
  const mixed = tinyLlama({ linear: Q8_0, seed: 3 }).tensors.find(t => t.name === 'blk.1.ffn_down.weight')!
  tiny.tensors = tiny.tensors.map(t => (t.name === mixed.name ? mixed : t))
  const { gguf, folder } = await converted(tiny)
  const path = join(folder, 'onnx', 'model_q4.onnx')
  const ops = readOnnx(await readFile(path), 'model_q4.onnx').nodes.map(n => `${n.op} ${n.name}`)
  expect(ops.filter(n => n.includes('MatMulNBits'))).toHaveLength(2 * 5 - 1)
  expect(ops).toContain('MatMul /model/layers.1/mlp/down_proj/MatMul')
  expect(difference(await logits(path, IDS), await referenceLogits(await readGguf(gguf), IDS))).toBeLessThan(2e-5)
})

test('the graph has the topology and the names of the GenAI builder', async () => {
  const fixture = 'test/fixtures/tiny-llama-genai/onnx/model.onnx'
  const theirs = readOnnx(await readFile(fixture), 'model.onnx')
  const { folder } = await converted(tinyLlama({ tied: false }))
  const ours = readOnnx(await readFile(join(folder, 'onnx', 'model.onnx')), 'model.onnx')
  const trim = (v: string[]) => v.slice(0, v.findLastIndex(x => x !== '') + 1)
  const lines = (g: typeof ours) => g.nodes.map(n => `${n.name} ${n.op}(${trim(n.inputs)}) -> ${trim(n.outputs)}`)
  expect(lines(ours)).toEqual(lines(theirs))
  expect(ours.inputs).toEqual(theirs.inputs)
  expect(ours.outputs).toEqual(theirs.outputs)
})

test('weights begin at whole pages of the data file, one after the other', async () => {
  const { folder } = await converted(tinyLlama({ linear: Q4_1 }))
  for (const file of ['model.onnx', 'model_q4.onnx']) {
    const g = readOnnx(await readFile(join(folder, 'onnx', file)), file)
    const places = [...g.consts.values()].flatMap(c => (isExternal(c.data) ? [c.data] : []))
    expect(new Set(places.map(p => p.file))).toEqual(new Set([`${file}_data`]))
    let end = 0
    for (const { offset, length } of places.sort((a, b) => a.offset - b.offset)) {
      expect(offset % 4096).toBe(0)
      expect(offset).toBeGreaterThanOrEqual(end)
      end = offset + length
    }
  }
})

describe('what cannot be converted is named', () => {
  const error = async (change: (tiny: ReturnType<typeof tinyLlama>) => void): Promise<string> => {
    const tiny = tinyLlama()
    change(tiny)
    return converted(tiny).then(
      () => 'no error',
      (e: Error) => `${e.name}: ${e.message}`,
    )
  }

  test('another architecture', async () => {
    expect(await error(t => (t.metadata['general.architecture'] = { text: 'mamba' }))).toMatch(
      /^InputError: .*its architecture is mamba; only llama/,
    )
  })
  test('a missing tensor', async () => {
    expect(await error(t => t.tensors.splice(5, 1))).toMatch(
      /^InputError: converting \d+.gguf: tensor blk.0.attn_k.weight must be \[32,64\], found none/,
    )
  })
  test('a tensor of another size', async () => {
    expect(await error(t => (t.metadata['llama.feed_forward_length'] = { u32: 128 }))).toContain(
      'tensor blk.0.ffn_gate.weight must be [128,64], found [96,64]',
    )
  })
  test('a tensor that would be left out', async () => {
    expect(await error(t => t.tensors.push({ ...t.tensors[1]!, name: 'rope_freqs.weight' }))).toContain(
      'tensor rope_freqs.weight has no place in a plain Llama decoder',
    )
  })
  test('impossible sizes', async () => {
    expect(await error(t => (t.metadata['llama.context_length'] = { u32: 4_000_000_000 }))).toContain(
      'llama.context_length is 4000000000',
    )
    expect(await error(t => (t.metadata['llama.attention.head_count_kv'] = { u32: 3 }))).toContain(
      'cannot share 3 key/value heads',
    )
  })
})
