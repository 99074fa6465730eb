import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FinetuneOptions, LoRAModel, type TrainingItem } from '../../src/engine/model.js'
import { InputError } from '../../src/errors.js'
import { identify, ranksOf } from '../../src/lora/adapter.js'
import { setAdapterFolder } from '../../src/lora/folder.js'
import { LoRAHandle, Skip, type TrainingSummary } from '../../src/lora/handle.js'
import { readPeft, writePeft } from '../../src/lora/peft.js'
import { itemHashes } from '../../src/lora/trained.js'
import { fixture } from '../helpers/fixtures.js'
import { temporaryFolder } from '../helpers/folder.js'
import { relativeError } from '../helpers/measures.js'

const folder = temporaryFolder()
const adapters = join(folder, 'adapters')
mkdirSync(adapters)
setAdapterFolder(adapters)

const item = { messages: [{ role: 'user', content: 'hello there' }], target: 'a b' } satisfies TrainingItem
const longer = {
  messages: [{ role: 'user', content: 'what is the time, and where is everybody today?' }],
  target: 'it is late, and nobody is here',
}
const ids = { inputIds: [5, 9, 2, 250, 17, 17], labels: [-100, -100, -100, 250, 17, 3] }

let model: LoRAModel
beforeAll(async () => {
  model = await LoRAModel.load(fixture('tiny-llama-genai'))
})
afterAll(() => model.dispose())

const train = async (
  lora: LoRAHandle | null,
  input: TrainingItem | TrainingItem[],
  options?: FinetuneOptions,
): Promise<LoRAHandle> => {
  const out = await model.finetune(lora, input, options)
  if (out instanceof Skip) throw new Error(out.reason)
  return out
}
const training = (handle: LoRAHandle) => handle.metadata.training as TrainingSummary
const adapterOf = (handle: LoRAHandle) => readPeft(handle.path!).adapter

describe('a new adapter', () => {
  test('has the defaults, lies in the adapter folder under its hash, and says how its training went', async () => {
    const handle = await train(null, item)
    const adapter = adapterOf(handle)
    expect(handle.path).toBe(join(adapters, handle.identifier))
    expect(identify(adapter)).toBe(handle.identifier)
    expect(adapter.config).toEqual({ r: 8, alpha: 16, rslora: false, rankPattern: {}, alphaPattern: {} })
    expect(ranksOf(adapter).size).toBe(14)
    const { losses, gradientNorms, targetLoss, hyperparameters } = training(handle)
    expect(hyperparameters).toEqual({
      ...{ rank: 8, alpha: 16, steps: 3, batchSize: 1, microBatchSize: 1, learningRate: 3e-4, scheduler: 'constant' },
      ...{ warmupSteps: 0, weightDecay: 0, betas: [0.9, 0.999], epsilon: 1e-8, clipNorm: 1 },
      ...{ optimizerState: 'fresh', seed: 0 },
    })
    expect([losses.length, gradientNorms.length]).toEqual([3, 3])
    expect(targetLoss.after).toBeLessThan(targetLoss.before)
    // What score says of it: one is evaluated in the training graph, the other in the inference graph.
    expect(targetLoss.before).toBeCloseTo((await model.score(item.messages, item.target)).nll, 4)
    expect(targetLoss.after).toBe((await model.score(item.messages, item.target, { lora: handle })).nll)
  })

  test('says what it was trained on, and nothing that no step came to', async () => {
    const said = { messages: [...item.messages, { role: 'assistant', content: item.target }] }
    const { items } = training(await train(null, item))
    expect(items).toEqual(itemHashes(item))
    expect(training(await train(null, said)).items).toEqual(items)
    const all = [item, longer, ids].flatMap(each => itemHashes(each))
    expect(training(await train(null, [item, longer, ids], { steps: 1 })).items).toEqual(all)
    const one = training(await train(null, [item, longer, ids], { steps: 1, batchSize: 1 })).items
    expect(one).toHaveLength(1)
    expect(all).toContain(one[0])
  })

  test('starts as PEFT starts it: B = 0, so it changes nothing', async () => {
    const handle = await train(null, item, { steps: 1, learningRate: 1e-30 })
    for (const [name, { data }] of adapterOf(handle).tensors) {
      // A learning rate of 1e-30 leaves no trace in A, and 1e-30 in B.
      if (name.includes('lora_B')) expect(Math.max(...data.map(Math.abs))).toBeLessThan(1e-29)
      else expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(64))
    }
    expect((await model.logits(ids.inputIds, { lora: handle })).data).toEqual((await model.logits(ids.inputIds)).data)
  })

  test('is the same from the same seed, another from another; undefined means the default', async () => {
    const [first, again] = [
      await train(null, item, { seed: 1 }),
      await train(null, item, { seed: 1, steps: undefined } as object),
    ]
    expect(again.identifier).toBe(first.identifier)
    expect((await train(null, item, { seed: 2 })).identifier).not.toBe(first.identifier)
  })

  test('has just the target modules, and the rank, alpha and rsLoRA asked for', async () => {
    const handle = await train(null, item, { targetModules: ['q_proj', 'v_proj'], rank: 2, alpha: 3, rslora: true })
    const adapter = adapterOf(handle)
    expect([...ranksOf(adapter)].map(([m, r]) => `${m.split('.').slice(2).join('.')} ${r}`)).toEqual([
      '0.self_attn.q_proj 2',
      '0.self_attn.v_proj 2',
      '1.self_attn.q_proj 2',
      '1.self_attn.v_proj 2',
    ])
    expect(adapter.config).toMatchObject({ r: 2, alpha: 3, rslora: true })
    expect((await model.score(item.messages, item.target, { lora: handle })).nll).toBe(
      training(handle).targetLoss.after,
    )
  })
})

describe('continuing', () => {
  test('goes on from the given adapter, which stays as it was', async () => {
    const first = await train(null, item, { steps: 2 })
    const second = await train(first, item, { steps: 3 })
    expect(second.identifier).not.toBe(first.identifier)
    expect(training(second).losses[0]).toBeCloseTo(training(first).targetLoss.after, 4)
    expect(training(second).targetLoss.after).toBeLessThan(training(first).targetLoss.after)
    expect(identify(adapterOf(first))).toBe(first.identifier)
  })

  test.each<[string, FinetuneOptions]>([
    ['rank 4 was asked for, but adapter %id has 8', { rank: 4 }],
    ['alpha 8 was asked for, but adapter %id has 16', { alpha: 8 }],
    ['rslora true was asked for, but adapter %id has false', { rslora: true }],
    ['targetModules other than those of adapter %id', { targetModules: ['q_proj'] }],
  ])('%s', async (message, options) => {
    const first = await train(null, item)
    await expect(train(first, item, options)).rejects.toThrow(
      `finetune: ${message.replace('%id', first.identifier.slice(0, 12))}; leave it out to continue this adapter`,
    )
    await expect(train(first, item, { rank: 8, alpha: 16, rslora: false })).resolves.toBeInstanceOf(LoRAHandle)
  })
})

describe('a batch', () => {
  test('is the mean over all its tokens: padding behind the shorter items has no effect', async () => {
    const lora = await train(null, item, { learningRate: 1e-2 })
    const [a, b, both] = [
      await model.gradients(lora, item),
      await model.gradients(lora, longer),
      await model.gradients(lora, [item, longer]),
    ]
    const [na, nb] = [
      await model.score(item.messages, item.target),
      await model.score(longer.messages, longer.target),
    ].map(s => s.tokens) as [number, number]
    expect(nb).toBeGreaterThan(na)
    const mean = (x: number, y: number) => (na * x + nb * y) / (na + nb)
    expect(both.loss).toBeCloseTo(mean(a.loss, b.loss), 5)
    // Sums of float32 in another order, each rounded to 6e-8 of its largest terms.
    for (const [name, g] of both.grads)
      expect(
        relativeError(
          g,
          a.grads.get(name)!.map((x, i) => mean(x, b.grads.get(name)![i]!)),
        ),
        name,
      ).toBeLessThan(1e-5)
  })

  test('reports the loss of its first item alone', async () => {
    const { targetLoss, losses } = training(await train(null, [item, longer]))
    expect(targetLoss.before).toBeCloseTo((await model.score(item.messages, item.target)).nll, 4)
    expect(targetLoss.before).not.toBeCloseTo(losses[0]!, 2)
  })

  test('takes token ids with labels as PyTorch does: not shifted, −100 ignored', async () => {
    const lora = new LoRAHandle({ identifier: 'reference', path: fixture('tiny-llama-ref/adapter') })
    const { data, dims } = await model.logits(ids.inputIds, { lora })
    const nll = [3, 4, 5].map(t => {
      const row = Array.from(data.subarray((t - 1) * dims[1], t * dims[1]))
      return Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[ids.labels[t]!]!
    })
    expect((await model.gradients(lora, ids)).loss).toBeCloseTo((nll[0]! + nll[1]! + nll[2]!) / 3, 5)
  })

  test('reports the loss of tokens that do not follow each other', async () => {
    const scattered = { inputIds: ids.inputIds, labels: [-100, 9, -100, 250, -100, 3] }
    const { losses, targetLoss } = training(await train(null, scattered, { steps: 1, learningRate: 1e-30 }))
    // The first is of the training graph, the second of the inference graph, of an adapter that still changes nothing.
    expect(targetLoss.before).toBeCloseTo(losses[0]!, 5)
    expect(targetLoss.after).toBeCloseTo(losses[0]!, 4)
  })

  test.each<[string, TrainingItem | TrainingItem[]]>([
    ['training batch: it has no items', []],
    ['training item 0: 2 input ids, but 1 labels', { inputIds: [1, 2], labels: [1] }],
    ['training item 0: no tokens', { inputIds: [], labels: [] }],
    [
      'training item 1: no token of it is supervised (all labels but the first are -100)',
      [item, { inputIds: [1, 2], labels: [1, -100] }],
    ],
    ['training item 0: token id 320 is not in the vocabulary of 320', { inputIds: [320, 2], labels: [-100, 2] }],
    ['training item 0: label -1 is not in the vocabulary of 320, nor -100', { inputIds: [1, 2], labels: [-100, -1] }],
    [
      "training item 0: 600 tokens, the model's context has 512; shorten it, or say by truncation 'left' or 'right' at which end it may be cut",
      { inputIds: Array(600).fill(5), labels: Array(600).fill(5) },
    ],
    ['training item 0: target must be a non-empty text, found ""', { ...item, target: '' }],
    [
      'training item 0: it has no target, so its last message must be the assistant\'s answer; it is of role "user"',
      { messages: item.messages },
    ],
    ['training item 0: it is undefined', [undefined as never]],
    ['a prompt needs at least one message; found none', { ...item, messages: [] }],
  ])('%s', async (message, input) => {
    await expect(train(null, input)).rejects.toThrow(new InputError(message))
  })
})

describe('options out of their range', () => {
  test.each<[string, object]>([
    ['rank must be a positive integer, found 0', { rank: 0 }],
    ['rank must be a positive integer, found 2.5', { rank: 2.5 }],
    ['alpha must be a positive number, found -16', { alpha: -16 }],
    ['steps must be a positive integer, found 0', { steps: 0 }],
    ['learningRate must be a positive number, found NaN', { learningRate: Number.NaN }],
    ['learningRate must be a positive number, found 3e-4', { learningRate: '3e-4' }],
    ['weightDecay must be a number ≥ 0, found -1', { weightDecay: -1 }],
    ['epsilon must be a positive number, found 0', { epsilon: 0 }],
    ['clipNorm must be a positive number, or null for no clipping, found 0', { clipNorm: 0 }],
    ['betas must be two numbers in [0, 1), found 0.9,1', { betas: [0.9, 1] }],
    ['betas must be two numbers in [0, 1), found 0.9', { betas: 0.9 }],
    ['seed must be an integer, found 0.5', { seed: 0.5 }],
    ['epochs must be a positive integer, found 0.5', { epochs: 0.5 }],
    ['batchSize must be a positive integer, found 0', { batchSize: 0 }],
    ['microBatchSize must be a positive integer, found -1', { microBatchSize: -1 }],
    ['warmupSteps must be an integer ≥ 0, found -1', { warmupSteps: -1 }],
    ['warmupSteps must be at most the 3 steps there are, found 4', { warmupSteps: 4 }],
    ['warmupRatio must be a number in [0, 1], found 1.5', { warmupRatio: 1.5 }],
    ["scheduler must be 'constant' or 'linear' or 'cosine', found polynomial", { scheduler: 'polynomial' }],
    ["optimizerState must be 'fresh' or 'continue', found keep", { optimizerState: 'keep' }],
    ["trainOn must be 'target' or 'assistant', found all", { trainOn: 'all' }],
    ["truncation must be 'error' or 'left' or 'right', found middle", { truncation: 'middle' }],
    ['maxLength must be a positive integer, found 0', { maxLength: 0 }],
    ['onStep must be a function, found true', { onStep: true }],
    ['steps 2 and epochs 1 were both given; leave one of them out', { steps: 2, epochs: 1 }],
    ['warmupSteps 1 and warmupRatio 0.5 were both given; leave one of them out', { warmupSteps: 1, warmupRatio: 0.5 }],
  ])('%s', async (message, options) => {
    await expect(train(null, item, options)).rejects.toThrow(new InputError(`finetune: ${message}`))
  })

  test('an unknown target module: lists those that exist', async () => {
    await expect(train(null, item, { targetModules: ['query'] })).rejects.toThrow(
      'targetModules: no module is named "query"; the model has q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj',
    )
  })
})

describe('nothing is saved', () => {
  test.each<[string, FinetuneOptions]>([
    ['non-finite loss at step 2', { learningRate: 1e38, steps: 3 }],
    ['non-finite weights after step 1', { learningRate: 1e39, steps: 1 }],
    ['non-finite loss after step 1', { learningRate: 1e37, steps: 1 }],
  ])('%s', async (reason, options) => {
    const before = readdirSync(adapters)
    expect(await model.finetune(null, item, options)).toEqual(new Skip(reason))
    expect(readdirSync(adapters)).toEqual(before)
  })

  test('non-finite gradient at step 1, of a loss that is finite', async () => {
    const { adapter } = readPeft(fixture('tiny-llama-ref/adapter'))
    // B = 0 hides the size of A from the loss, but the gradient of B is proportional to it, and its square overflows.
    for (const [name, { data }] of adapter.tensors) data.set(data.map(x => (name.includes('lora_A') ? x * 1e25 : 0)))
    const lora = new LoRAHandle(writePeft(adapter, folder, { name: '', fingerprint: '' }))
    const before = readdirSync(adapters)
    expect(await model.finetune(lora, item)).toEqual(new Skip('non-finite gradient at step 1'))
    expect(readdirSync(adapters)).toEqual(before)
  })

  test('when it is told to stop', async () => {
    const before = readdirSync(adapters)
    const reason = new Error('enough')
    await expect(train(null, item, { signal: AbortSignal.abort(reason), seed: 99 })).rejects.toBe(reason)
    expect(readdirSync(adapters)).toEqual(before)
  })

  test('where the folder cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '')
    setAdapterFolder(join(folder, 'file'))
    await expect(train(null, item, { seed: 98 })).rejects.toThrow(
      /^saving adapter [0-9a-f]{12} \(14 modules\) in .*: ENOTDIR/,
    )
    setAdapterFolder(adapters)
  })
})
