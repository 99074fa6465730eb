import { readFileSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type FinetuneOptions, LoRAModel, type StepProgress, type TrainingItem } from '../../src/engine/model.js'
import { STATE_FILE } from '../../src/engine/optimizer.js'
import { identify } from '../../src/lora/adapter.js'
import { setAdapterFolder } from '../../src/lora/folder.js'
import { LoRAHandle, Skip, type TrainingSummary } from '../../src/lora/handle.js'
import { readPeft } from '../../src/lora/peft.js'
import { fixture } from '../helpers/fixtures.js'
import { temporaryFolder } from '../helpers/folder.js'
import { relativeError } from '../helpers/measures.js'

setAdapterFolder(temporaryFolder())

const ask = (content: string, target: string): TrainingItem => ({ messages: [{ role: 'user', content }], target })
/** Of different lengths: so that the mean over all tokens is not the mean over items, nor over micro-batches. */
const items = [
  ask('hello there', 'a b'),
  ask('what is the time?', 'it is late, and nobody is here'),
  ask('who', 'me'),
  ask('where is everybody today?', 'gone'),
  ask('one more', 'no, that was all there is'),
]

let model: LoRAModel
beforeAll(async () => {
  model = await LoRAModel.load(fixture('tiny-llama-genai'))
})
afterAll(() => model.dispose())

const train = async (lora: LoRAHandle | null, input: TrainingItem | TrainingItem[], options?: FinetuneOptions) => {
  const out = await model.finetune(lora, input, options)
  if (out instanceof Skip) throw new Error(out.reason)
  return out
}
const training = (handle: LoRAHandle) => handle.metadata.training as TrainingSummary
const tensorsOf = (handle: LoRAHandle) => readPeft(handle.path!).adapter.tensors

/** The largest difference of two adapters' tensors, each relative to its own norm. */
function difference(a: LoRAHandle, b: LoRAHandle): number {
  const other = tensorsOf(b)
  return Math.max(...[...tensorsOf(a)].map(([name, t]) => relativeError(t.data, other.get(name)!.data)))
}

describe('accumulation', () => {
  test.each([1, 2, 3])('in passes of %i items: what one pass over all five gives', async microBatchSize => {
    // With the usual epsilon AdamW divides each entry of the gradient by its own size, so that an entry of almost 0 turns
    // rounding into a whole step; with this one a step is in proportion to the gradient.
    const o = { steps: 3, learningRate: 1e-2, epsilon: 1e-2 }
    const [whole, parts] = [await train(null, items, o), await train(null, items, { ...o, microBatchSize })]
    for (const [i, loss] of training(whole).losses.entries()) {
      // Sums of float32 in another order: 6e-8 of a loss of about 6, some roundings of it.
      expect(training(parts).losses[i]).toBeCloseTo(loss, 4)
      expect(training(parts).gradientNorms[i]! / training(whole).gradientNorms[i]!).toBeCloseTo(1, 4)
    }
    expect(training(parts).targetLoss.before).toBeCloseTo(training(whole).targetLoss.before, 5)
    // Sums of float32 in another order, each rounded to 6e-8 of its largest terms.
    expect(difference(parts, whole)).toBeLessThan(1e-5)
  })

  test('is not the mean of the means', async () => {
    const parts = training(await train(null, items, { steps: 1, microBatchSize: 1 }))
    const alone: number[] = []
    for (const item of items) alone.push(training(await train(null, item, { steps: 1 })).losses[0]!)
    const meanOfMeans = alone.reduce((sum, x) => sum + x, 0) / items.length
    expect(Math.abs(parts.losses[0]! - meanOfMeans)).toBeGreaterThan(1e-3)
  })

  test('a gradient that is not finite skips the update there too', async () => {
    expect(await model.finetune(null, items, { learningRate: 1e38, microBatchSize: 2 })).toEqual(
      new Skip('non-finite loss at step 2'),
    )
  })

  test('stops between two passes', async () => {
    const controller = new AbortController()
    const onStep = () => controller.abort(new Error('enough'))
    await expect(train(null, items, { microBatchSize: 2, signal: controller.signal, onStep })).rejects.toThrow('enough')
  })
})

describe('epochs and batches', () => {
  test('five items in batches of two: three steps an epoch, in an order that the seed fixes', async () => {
    const o = { epochs: 2, batchSize: 2, seed: 1 }
    const handle = await train(null, items, o)
    expect(training(handle).losses.length).toBe(6)
    expect((await train(null, items, o)).identifier).toBe(handle.identifier)
    expect((await train(null, items, { ...o, seed: 2 })).identifier).not.toBe(handle.identifier)
  })

  test('steps go on into as many epochs as they take', async () => {
    expect(training(await train(null, items, { steps: 4, batchSize: 3 })).losses.length).toBe(4)
    expect(training(await train(null, items, { epochs: 2 })).losses.length).toBe(2)
  })

  test('the loss on the first item is told before and after, wherever the order has put it', async () => {
    const { nll } = await model.score([{ role: 'user', content: 'hello there' }], 'a b')
    for (const seed of [1, 2, 3]) {
      const { targetLoss } = training(await train(null, items, { epochs: 1, batchSize: 1, seed }))
      expect(targetLoss.before).toBeCloseTo(nll, 4)
      expect(targetLoss.after).not.toBeCloseTo(nll, 4)
    }
  })
})

describe('the learning rate', () => {
  test('follows the schedule, and the steps follow the rate', async () => {
    const seen: StepProgress[] = []
    const o = { steps: 4, learningRate: 1e-2, scheduler: 'linear', warmupSteps: 2 } as const
    const { learningRates } = training(await train(null, items[0]!, { ...o, onStep: s => seen.push(s) }))
    expect(learningRates).toEqual([0, 5e-3, 1e-2, 5e-3])
    expect(seen.map(s => s.learningRate)).toEqual(learningRates)
    // The first warm-up step has rate 0: it changes nothing.
    expect(seen[1]!.loss).toBe(seen[0]!.loss)
    expect(seen[2]!.loss).toBeLessThan(seen[1]!.loss)
    expect(training(await train(null, items[0]!, { steps: 5, warmupRatio: 0.3 })).learningRates).toEqual([
      0, 1.5e-4, 3e-4, 3e-4, 3e-4,
    ])
  })

  test('of a constant schedule is that of every step', async () => {
    expect(training(await train(null, items[0]!)).learningRates).toEqual([3e-4, 3e-4, 3e-4])
  })
})

describe('onStep', () => {
  test('is told each step as it is done, with what the handle says afterwards', async () => {
    const seen: StepProgress[] = []
    const summary = training(await train(null, items, { steps: 3, microBatchSize: 2, onStep: s => seen.push(s) }))
    expect(seen.map(s => [s.step, s.steps])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ])
    expect(seen.map(s => s.loss)).toEqual(summary.losses)
    expect(seen.map(s => s.gradientNorm)).toEqual(summary.gradientNorms)
    expect(seen.map(s => s.ms)).toEqual(summary.stepMs)
  })

  test('may give up by throwing', async () => {
    const onStep = () => {
      throw new Error('seen enough')
    }
    await expect(train(null, items, { onStep })).rejects.toThrow('seen enough')
  })
})

describe('optimizer state', () => {
  const o = { learningRate: 1e-2, optimizerState: 'continue' } as const

  test('continued: three steps and three more are six, bit for bit', async () => {
    const six = await train(null, items[0]!, { ...o, steps: 6 })
    const three = await train(null, items[0]!, { ...o, steps: 3 })
    const more = await train(three, items[0]!, { ...o, steps: 3 })
    expect(more.identifier).toBe(six.identifier)
    expect((await train(three, items[0]!, { learningRate: 1e-2, steps: 3 })).identifier).not.toBe(six.identifier)
  })

  test('stays as it is where a training moved nothing: an adapter never changes, nor what goes on from it', async () => {
    const three = await train(null, items[0]!, { ...o, steps: 3, seed: 5 })
    const before = readFileSync(join(three.path!, 'optimizer.safetensors'))
    const warming = { ...o, steps: 1, warmupSteps: 1, scheduler: 'linear' } as const // Its one step has rate 0.
    expect((await train(three, items[0]!, warming)).identifier).toBe(three.identifier)
    expect(readFileSync(join(three.path!, 'optimizer.safetensors')).equals(before)).toBe(true)
  })

  test('lies in the adapter’s folder, where another process finds it; it is no part of the identity', async () => {
    const six = await train(null, items, { ...o, steps: 6, seed: 3 })
    const three = await train(null, items, { ...o, steps: 3, seed: 3 })
    await model.dispose()
    model = await LoRAModel.load(fixture('tiny-llama-genai'))
    const found = new LoRAHandle({ identifier: three.identifier, path: three.path! })
    expect(identify(readPeft(found.path!).adapter)).toBe(found.identifier)
    expect((await train(found, items, { ...o, steps: 3 })).identifier).toBe(six.identifier)
  })

  test('that was not kept, or is damaged, is an error', async () => {
    const fresh = await train(null, items[0]!, { steps: 1, seed: 4 })
    await expect(train(fresh, items[0]!, o)).rejects.toThrow(
      `finetune: no optimizer state is kept with adapter ${fresh.identifier.slice(0, 12)}, so optimizerState 'continue' cannot go on from it`,
    )
    const kept = await train(null, items[0]!, { ...o, steps: 1, seed: 5 })
    await model.dispose()
    model = await LoRAModel.load(fixture('tiny-llama-genai'))
    truncateSync(join(kept.path!, STATE_FILE), 5000)
    await expect(train(kept, items[0]!, o)).rejects.toThrow(/^reading .*optimizer\.safetensors: /)
    rmSync(join(kept.path!, STATE_FILE))
    await expect(train(kept, items[0]!, o)).rejects.toThrow('no optimizer state is kept')
  })
})

test('other settings need no other session: only another rank or other modules do', async () => {
  const create = vi.spyOn(InferenceSession, 'create')
  try {
    const made = async (call: () => Promise<unknown>) => {
      const before = create.mock.calls.length
      await call()
      return create.mock.calls.length - before
    }
    await train(null, items[0]!)
    const settings: FinetuneOptions[] = [
      { steps: 1, learningRate: 1e-2 },
      { weightDecay: 0.1, betas: [0.8, 0.99], epsilon: 1e-6, clipNorm: null },
      { scheduler: 'cosine', warmupSteps: 1, alpha: 32, rslora: true, seed: 9 },
      { epochs: 1, batchSize: 2, optimizerState: 'continue' },
    ]
    for (const o of settings) expect(await made(() => train(null, items, o)), JSON.stringify(o)).toBe(0)
    // The optimizer step by a summed gradient: one more, once.
    expect(await made(() => train(null, items, { microBatchSize: 2 }))).toBeLessThanOrEqual(1)
    expect(await made(() => train(null, items, { microBatchSize: 1 }))).toBe(0)
    expect(await made(() => train(null, items, { rank: 3 }))).toBe(1)
    expect(await made(() => train(null, items, { rank: 3, microBatchSize: 1 }))).toBe(0)
    expect(await made(() => train(null, items, { targetModules: ['q_proj'] }))).toBe(1)
  } finally {
    create.mockRestore()
  }
})
