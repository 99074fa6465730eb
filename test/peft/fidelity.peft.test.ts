import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AutoTokenizer } from '@huggingface/transformers'
import { table } from 'table'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { planOf } from '../../src/engine/plan.js'
import { type FinetuneOptions, LoRAHandle, LoRAModel, setAdapterFolder, type TrainingSummary } from '../../src/index.js'
import { ensureEmbeddedModel } from '../../src/models/embedded.js'
import { random } from '../../src/tensor.js'
import { fixture, TABLE } from '../helpers/fixtures.js'
import { largestError } from '../helpers/measures.js'
import { type Item, startTorch, type Torch } from './torch.js'

/**
 * Largest difference of a logit. On the tiny decoders two float32 implementations differ by 1e-5 at most, and PEFT in
 * float32 is what is compared with. With SmolLM2's 30 layers and logits of 30 the rounding of each is as large as this
 * limit: ours is up to 9.1e-5 from PEFT in float64, and PEFT's own float32 up to 1.3e-4. So there PEFT in float64
 * decides, and the difference from its float32, up to 1.7e-4, is shown beside it. A scale wrong by 0.1 % makes 4e-4 to
 * 5e-3.
 */
const LOGITS = 1e-4
/** Largest difference of a loss, at any of 50 steps [nats/token]. Rounding grows from step to step. */
const LOSS = 1e-3

const scratch = mkdtempSync(join(tmpdir(), 'test-peft-'))
setAdapterFolder(join(scratch, 'adapters'))
const rows: string[][] = []
/** Largest differences from PEFT in float32 and, where that decides, in float64. */
interface Found {
  float32: number
  float64?: number
}
const note = (model: string, what: string, found: Found, limit: number): void => {
  const shown = (x: number | undefined) =>
    x === undefined ? ['', ''] : [x.toExponential(1), x <= limit ? 'within' : 'ABOVE']
  rows.push([model, what, limit.toExponential(0), ...shown(found.float32), ...shown(found.float64)])
  expect(found.float64 ?? found.float32, what).toBeLessThanOrEqual(limit)
}

let torch: Torch
beforeAll(async () => {
  torch = await startTorch(scratch)
})
afterAll(() => {
  torch.end()
  rmSync(scratch, { recursive: true })
  console.info(table([['model', 'what', 'limit', 'PEFT float32', '', 'PEFT float64', ''], ...rows]))
})

test('rank patterns and targets mean what they mean in PEFT', async () => {
  const { patterns, targets } = JSON.parse(readFileSync('test/peft/decisions.json', 'utf8')) as {
    patterns: { key: string | null }[]
    targets: { targeted: boolean }[]
  }
  const found = await torch.decisions({ patterns, targets })
  expect(found.patterns).toEqual(patterns.map(c => c.key))
  expect(found.targets).toEqual(targets.map(c => c.targeted))
  rows.push(['', `${found.patterns.length} patterns, ${found.targets.length} targets`, '', '', 'all the same', '', ''])
})

interface Made {
  config: object
  dtype?: 'bfloat16' | 'float16'
}

/** Adapters as PEFT writes them, for a decoder with modules of these kinds (`q_proj`, …). */
const FROM_PEFT: Record<string, (kinds: string[]) => Made> = {
  'all linear layers, by name': kinds => ({ config: { target_modules: kinds } }),
  '"all-linear"': () => ({ config: { target_modules: 'all-linear' } }),
  'a regular expression': () => ({ config: { target_modules: '.*\\.layers\\.1\\..*_proj' } }),
  'one with look-ahead': () => ({ config: { target_modules: '(?!.*mlp).*_proj' } }),
  exclude_modules: kinds => ({ config: { target_modules: kinds, exclude_modules: kinds.slice(0, 1) } }),
  layers_to_transform: kinds => ({ config: { target_modules: kinds, layers_to_transform: [1] } }),
  layers_pattern: kinds => ({
    config: { target_modules: kinds, layers_to_transform: 0, layers_pattern: 'layers' },
  }),
  'rank_pattern and alpha_pattern': kinds => ({ config: patterns(kinds) }),
  'rsLoRA with both patterns': kinds => ({ config: { ...patterns(kinds), use_rslora: true } }),
  'a bfloat16 file': kinds => ({ config: { target_modules: kinds }, dtype: 'bfloat16' }),
  'a float16 file': kinds => ({ config: patterns(kinds), dtype: 'float16' }),
}
const patterns = (kinds: string[]) => ({
  target_modules: kinds,
  r: 6,
  lora_alpha: 7,
  // PEFT sorts the keys when it saves. In another order than this, the first would fit another way after loading, and
  // PEFT could not read its own file.
  rank_pattern: { '^model\\.layers\\.1\\..*': 3, [kinds[0]!]: 2 },
  alpha_pattern: { 'layers\\.[0-9]\\.mlp\\.(up|gate_up|fc)_proj': 11, [kinds.at(-1)!]: 5 },
})

/** Trainings here. */
const FROM_HERE: Record<string, (kinds: string[]) => FinetuneOptions> = {
  'all linear layers': () => ({}),
  'rsLoRA, rank 3': () => ({ rslora: true, rank: 3, alpha: 5 }),
  'two kinds of modules': kinds => ({ targetModules: [kinds[0]!, kinds.at(-1)!] }),
}

/** What both sides are compared on. */
function compare(
  name: string,
  base: () => Promise<unknown>,
  load: () => Promise<LoRAModel>,
  data: () => Data,
  exact = false,
): void {
  let model: LoRAModel
  beforeAll(async () => {
    await base()
    model = await load()
    return () => model.dispose()
  })
  /** Trains with the model loaded anew: it keeps a session for every set of modules and ranks that it trained. */
  const train = async (...args: Parameters<LoRAModel['finetune']>): Promise<LoRAHandle> => {
    await model.dispose()
    model = await load()
    const made = await model.finetune(...args)
    if (made instanceof LoRAHandle) return made
    throw new Error(`training was skipped: ${made.reason}`)
  }
  const folder = (what: string) => join(scratch, `${name} ${what}`.replaceAll(/\W+/g, '-'))
  const differences = async (ours: Float32Array, adapter?: string): Promise<Found> => ({
    float32: largestError(ours, await torch.logits(data().ids, adapter)),
    ...(exact && { float64: largestError(ours, await torch.logits(data().ids, adapter, true)) }),
  })
  const same = async (what: string, lora: LoRAHandle): Promise<void> => {
    const { ids } = data()
    const ours = (await model.logits(ids, { lora })).data
    // An adapter that did nothing would agree too.
    expect(largestError(ours, (await model.logits(ids)).data), `${what} does something`).toBeGreaterThan(100 * LOGITS)
    note(name, what, await differences(ours, lora.path), LOGITS)
  }

  test('without an adapter', async () => {
    note(name, 'no adapter', await differences((await model.logits(data().ids)).data), LOGITS)
  })

  test.each(Object.keys(FROM_PEFT))('made by PEFT, used here: %s', async what => {
    const { config, dtype } = FROM_PEFT[what]!(data().kinds)
    await torch.make(folder(what), config, { seed: 3, ...(dtype && { dtype }) })
    await same(`from PEFT: ${what}`, await LoRAHandle.fromPeft(folder(what)))
  })

  const options: FinetuneOptions = { steps: 3, learningRate: 1e-2 }
  test.each(Object.keys(FROM_HERE))('trained here, used by PEFT: %s', async what => {
    const { items, kinds } = data()
    await same(`to PEFT: ${what}`, await train(null, items, { ...options, ...FROM_HERE[what]!(kinds) }))
  })

  test.each(['layers_to_transform', 'rsLoRA with both patterns', 'a bfloat16 file'])(
    'made by PEFT, trained on here, used by PEFT: %s',
    async what => {
      const { config, dtype } = FROM_PEFT[what]!(data().kinds)
      const start = folder(`${what}, to train on`)
      await torch.make(start, config, { seed: 4, ...(dtype && { dtype }) })
      const made = await train(await LoRAHandle.fromPeft(start), data().items, options)
      await same(`to PEFT: ${what}, trained on here`, made)
    },
  )

  test('50 steps on the same data have the same losses', async () => {
    const { items, kinds, batchSize } = data()
    const path = folder('untrained')
    await torch.make(path, { target_modules: kinds, r: 8, lora_alpha: 16 }, { seed: 5, untrained: true })
    const plan = { batchSize, microBatchSize: batchSize, seed: 6 }
    const made = await train(await LoRAHandle.fromPeft(path), items, {
      ...plan,
      steps: 50,
      learningRate: 1e-3,
      weightDecay: 0.01,
      clipNorm: 1,
    })
    const ours = (made.metadata.training as TrainingSummary).losses
    const batches = planOf(items.length, plan)
    const theirs = await torch.train(
      path,
      Array.from({ length: 50 }, (_, k) =>
        batches(k + 1)
          .flat()
          .map(i => items[i]!),
      ),
      { lr: 1e-3, weight_decay: 0.01, clip: 1 },
    )
    expect(ours).toHaveLength(50)
    const fall = `loss ${theirs[0]!.toFixed(3)} to ${theirs.at(-1)!.toFixed(3)}`
    note(name, `50 steps each, ${fall}`, { float32: largestError(ours, theirs) }, LOSS)
  })
}

interface Data {
  ids: number[]
  items: Item[]
  batchSize: number
  /** Last parts of the names of the modules that have an adapter. */
  kinds: string[]
}

/** Architectures of the decoders that scripts/fixtures makes from a seed; the weights of the others are in their graphs. */
const SEEDED: Record<string, string> = {
  'tiny-mistral-ref': 'mistral',
  'tiny-smollm3-ref': 'smollm3',
  'tiny-qwen3-tied-ref': 'qwen3',
  'tiny-gemma2-ref': 'gemma2',
  'tiny-gemma3-ref': 'gemma3_text',
  'tiny-phi3-ref': 'phi3',
  'tiny-llama-bias-ref': 'llama',
}
const SOURCES: Record<string, string> = { 'tiny-llama-ref': 'tiny-llama-genai', 'tiny-qwen2-ref': 'tiny-qwen2-genai' }

for (const { name, reference: answers, dtype } of TABLE) {
  const [architecture, source] = [SEEDED[answers], SOURCES[answers]]
  if (dtype !== 'fp32' || (!architecture && !source)) continue
  describe(name, () => {
    const { input_ids, target_modules } = JSON.parse(readFileSync(`${fixture(answers)}/reference.json`, 'utf8'))
    const rng = random(1)
    const items = Array.from({ length: 6 }, (_, i): Item => {
      const ids = Array.from({ length: 12 + 2 * i }, () => 3 + rng.below(317))
      return { inputIds: ids, labels: ids.map((id, t) => (t < 4 ? -100 : id)) }
    })
    compare(
      name,
      () => (architecture ? torch.seeded(architecture) : torch.exported(fixture(source!))),
      () => LoRAModel.load(fixture(name)),
      () => ({ ids: input_ids[0], items, batchSize: 2, kinds: target_modules }),
    )
  })
}

describe('SmolLM2-135M-Instruct', () => {
  const TEXTS = [
    'The river rises in the mountains, where the snow melts in April, and runs for three hundred miles to the sea. On its banks stand mills that once ground all the flour of the province; today only one of them still turns, for visitors, on the first Sunday of each month, and the miller sells bread there that his daughter bakes.',
    'When the council met in the autumn, nobody could say where the money for the new bridge would come from. The mayor proposed a toll, the farmers a loan, and the schoolmaster, to general laughter, a lottery. In the end it was the lottery that paid for it, and the bridge has carried his name ever since that winter.',
  ]
  const kinds = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']
  let items: Item[]
  compare(
    'SmolLM2-135M',
    async () => {
      const folder = await ensureEmbeddedModel()
      const tokenizer = await AutoTokenizer.from_pretrained(folder)
      items = TEXTS.map(text => {
        const inputIds = tokenizer.encode(text).slice(0, 64)
        return { inputIds, labels: inputIds }
      })
      await torch.exported(folder)
    },
    () => LoRAModel.load('smollm2-135m-instruct'),
    () => ({ ids: items[0]!.inputIds, items, batchSize: 1, kinds }),
    true,
  )
})
