import fc from 'fast-check'
import { Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loraFeeds } from '../../src/engine/infer.js'
import { findModel, loadParts, type Parts } from '../../src/engine/load.js'
import { cutsOf, withPrefixes } from '../../src/engine/prefix.js'
import { type Feeds, int64, type OrtTensor } from '../../src/engine/session.js'
import { freshAdapter } from '../../src/engine/train.js'
import type { Adapter } from '../../src/lora/adapter.js'
import { modulesIn } from '../../src/rules/lora.js'
import { random } from '../../src/tensor.js'
import { fixture, TABLE } from '../helpers/fixtures.js'
import { largestError } from '../helpers/measures.js'

/** As the tiny decoders have room for. */
const EVERY = 64

test('cuts: every 256 tokens; the last part has at least 32', () => {
  expect(cutsOf(287)).toEqual([])
  expect(cutsOf(288)).toEqual([256])
  expect(cutsOf(1100)).toEqual([256, 512, 768, 1024])
  expect(cutsOf(1100, 256)).toEqual([512, 768, 1024])
  // A prompt's cuts are those of every longer one too, so what is kept of one fits the other.
  fc.assert(
    fc.property(fc.nat(3000), fc.nat(3000), (a, b) => {
      const [few, many] = [cutsOf(Math.min(a, b)), cutsOf(Math.max(a, b))]
      expect(many.slice(0, few.length)).toEqual(few)
      expect(cutsOf(a, few.at(-1) ?? 0)).toEqual(cutsOf(a).filter(cut => cut > (few.at(-1) ?? 0)))
    }),
  )
})

/** An adapter with weights that matter, of a rank at which products of few rows are summed in another order. */
function adapterFor(parts: Parts, seed: number): Adapter {
  const modules = modulesIn(parts.sites)
  const adapter = freshAdapter({ r: 16, alpha: 16, rslora: false, rankPattern: {}, alphaPattern: {} }, modules, seed)
  const rng = random(seed)
  for (const [name, { data }] of adapter.tensors)
    if (name.includes('lora_B')) for (const i of data.keys()) data[i] = 0.05 * rng.normal()
  return adapter
}

/** Inputs of a whole prompt, as a generation loop gives them. */
function promptFeeds({ session }: Parts, ids: readonly number[]): Feeds {
  const feeds: Feeds = { input_ids: int64(ids, [1, ids.length]) }
  for (const meta of session.inputMetadata) {
    if (meta.name === 'attention_mask') feeds[meta.name] = int64(Array(ids.length).fill(1), [1, ids.length])
    if (meta.name === 'position_ids') feeds[meta.name] = int64([...ids.keys()], [1, ids.length])
    if (meta.name === 'num_logits_to_keep') feeds[meta.name] = int64([1], [])
    if (meta.name.startsWith('past_key_values.') && meta.isTensor) {
      const dims = meta.shape.map((d, i) => (i === 0 ? 1 : typeof d === 'number' ? d : 0))
      feeds[meta.name] = new Tensor(meta.type, meta.type === 'float16' ? new Uint16Array() : new Float32Array(), dims)
    }
  }
  return feeds
}

const bytes = ({ data }: OrtTensor) => {
  const view = data as Float32Array
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength)
}
const sameBits = (a: Feeds, b: Feeds) => {
  expect(Object.keys(a).sort()).toEqual(Object.keys(b).sort())
  for (const [name, tensor] of Object.entries(a)) {
    expect(tensor.dims).toEqual(b[name]!.dims)
    expect(bytes(tensor).equals(bytes(b[name]!)), name).toBe(true)
  }
}

/** Notes how many tokens each run of a session passes through. */
function watched({ session }: Parts) {
  const lengths: number[] = []
  const run = session.run.bind(session) as (feeds: Feeds, ...rest: unknown[]) => Promise<Feeds>
  const noting = (feeds: Feeds, ...rest: unknown[]) => {
    lengths.push(feeds.input_ids!.dims[1]!)
    return run(feeds, ...rest)
  }
  const { inputNames, outputNames } = session
  return { lengths, session: { inputNames, outputNames, run: noting } as unknown as Parts['session'] }
}

const rng = random(1)
const tokens = (n: number) => Array.from({ length: n }, () => 3 + rng.below(250))

describe.each(TABLE)('$name $dtype', ({ name, dtype, rounds }) => {
  // In this one the mask is made in the graph, for one token behind a past only.
  const goesOn = name !== 'tiny-llama-bias-mha'
  let parts: Parts
  let adapters: Feeds[]
  beforeAll(async () => {
    parts = await loadParts(await findModel(fixture(name), { device: 'cpu', dtype }))
    adapters = [null, adapterFor(parts, 1)].map(a => loraFeeds(parts.groups, a, parts.device))
  })
  afterAll(() => parts.session.release())

  test('a prompt that begins as the last one: the same bits as on its own, from fewer tokens', async () => {
    const shared = tokens(210)
    for (const lora of adapters) {
      const { session, lengths } = watched(parts)
      const run = withPrefixes(session, EVERY)
      // The first prompt is preceded by a trial.
      await run(promptFeeds(parts, tokens(96)), lora)
      for (const [common, length, passed] of [
        [0, 240, [64, 64, 64, 48]],
        [150, 250, [64, 58]],
        [70, 130, [66]],
        [10, 40, [40]],
        [210, 210, [64, 82]],
      ] as const) {
        const ids = [...shared.slice(0, common), ...tokens(length - common)]
        lengths.length = 0
        const found = await run(promptFeeds(parts, ids), lora)
        if (common === 0) shared.splice(0, 210, ...ids.slice(0, 210))
        expect(lengths, `${common} of ${length}`).toEqual(goesOn ? passed : [length])
        sameBits(found, await withPrefixes(parts.session, EVERY)(promptFeeds(parts, ids), lora))
      }
    }
  })

  test.skipIf(rounds || dtype !== 'fp32')('passed through in parts or in one: the same but for rounding', async () => {
    const ids = tokens(250)
    for (const lora of adapters) {
      const feeds = promptFeeds(parts, ids)
      const whole = (await parts.session.run({ ...feeds, ...lora })) as Feeds
      const inParts = await withPrefixes(parts.session, EVERY)(feeds, lora)
      const V = whole.logits!.dims.at(-1)!
      const last = (outputs: Feeds) => (outputs.logits!.data as Float32Array).slice(-V)
      // Float32, logits of about 1.
      expect(largestError(last(inParts), last(whole))).toBeLessThan(1e-4)
    }
  })
})

test('each adapter has its own prefix; those of two are kept', async () => {
  const parts = await loadParts(await findModel(fixture('tiny-llama-genai'), { device: 'cpu', dtype: 'fp32' }))
  const [base, one, two] = [null, adapterFor(parts, 1), adapterFor(parts, 2)].map(a =>
    loraFeeds(parts.groups, a, parts.device),
  ) as [Feeds, Feeds, Feeds]
  const { session, lengths } = watched(parts)
  const run = withPrefixes(session, EVERY)
  const feeds = promptFeeds(parts, tokens(130))
  const seen: number[] = []
  await run(promptFeeds(parts, tokens(96)), base)
  for (const lora of [base, one, base, one, two, one, base]) {
    lengths.length = 0
    await run(feeds, lora)
    seen.push(lengths.length)
  }
  // New, new, kept, kept, new (the base's goes), kept, new.
  expect(seen).toEqual([2, 2, 1, 1, 2, 1, 2])
  await parts.session.release()
})
