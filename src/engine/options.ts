import { InputError } from '../errors.js'
import type { AdamWOptions } from '../grad/adamw.js'
import type { Json } from '../protocol/index.js'
import { SCHEDULERS, type Scheduler } from './schedule.js'

/**
 * What a chat template is given beside the messages: any variable that it reads, such as `enable_thinking`.
 * `system` is a system prompt for messages that have none.
 */
export interface TemplateOptions {
  system?: string
  [variable: string]: Json | undefined
}

/** How texts become tokens and labels; of `finetune`, `gradients` and `score`. */
export interface ItemOptions {
  /**
   * Which tokens of a chat are learned: the target (without one: the last message) or every turn of the assistant's.
   * Default: the target where an item has one, else every turn of the assistant's.
   */
  trainOn?: 'target' | 'assistant'
  template?: TemplateOptions
  /** Most tokens of an item, the model's context at most (the default). */
  maxLength?: number
  /** What happens to a longer item: an error (the default), or tokens cut from its start (`left`) or end (`right`). */
  truncation?: 'error' | 'left' | 'right'
}

/** What `onStep` is told after each optimizer step. */
export interface StepProgress {
  /** Number of the step, from 1. */
  step: number
  /** Number of all steps of this call. */
  steps: number
  /** Loss before this step, over its batch [nats/token]. */
  loss: number
  /** Global norm of the gradient before clipping. */
  gradientNorm: number
  /** That this step was taken with. */
  learningRate: number
  /** Wall time of the step. */
  ms: number
}

/** Settings of `finetune`. The first four belong to a new adapter; a continued one keeps its own. */
export interface FinetuneOptions extends Partial<AdamWOptions>, ItemOptions {
  /** R */
  rank?: number
  /** α: the update is scaled by α/R. */
  alpha?: number
  rslora?: boolean
  /** As PEFT's target_modules, `q_proj` or a full name; default all linear layers. */
  targetModules?: readonly string[]
  /** Of the initial weights of a new adapter, and of the order of the items. */
  seed?: number
  /** Optimizer steps; default 3, unless `epochs` is given instead. */
  steps?: number
  /** Passes over all items. */
  epochs?: number
  /** Items of one optimizer step; default all. With fewer, each epoch takes them in a new order. */
  batchSize?: number
  /** Items of one forward pass, at most; a step adds up the gradients of as many passes as it needs. Default all. */
  microBatchSize?: number
  /** How the learning rate goes on after the warm-up; default constant. */
  scheduler?: Scheduler
  /** Steps in which the learning rate rises from 0; default 0. */
  warmupSteps?: number
  /** The same as a part of all steps, rounded up. */
  warmupRatio?: number
  /**
   * `continue`: AdamW goes on from the state that the given adapter's training left (a new adapter has none), and the
   * state is kept beside the new adapter. `fresh`, the default: it starts from nothing, and nothing is kept.
   */
  optimizerState?: 'fresh' | 'continue'
  onStep?: (progress: StepProgress) => void
  signal?: AbortSignal
}

export const finetuneDefaults = {
  rank: 8,
  alpha: 16,
  steps: 3,
  learningRate: 3e-4,
  weightDecay: 0,
  betas: [0.9, 0.999],
  epsilon: 1e-8,
  clipNorm: 1,
  scheduler: 'constant',
  optimizerState: 'fresh',
} as const satisfies FinetuneOptions

/** Options of a call for `items` items, whole. */
export interface Settings extends AdamWOptions {
  steps: number
  batchSize: number
  microBatchSize: number
  scheduler: Scheduler
  warmupSteps: number
  optimizerState: 'fresh' | 'continue'
  seed: number
  onStep?: (progress: StepProgress) => void
  signal?: AbortSignal
}

/**
 * `options` with the defaults for what was left out, or given as undefined.
 *
 * @throws InputError if the warm-up has more steps than there are
 */
export function settingsFor(options: FinetuneOptions, items: number): Settings {
  const given: FinetuneOptions = Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined))
  const batchSize = Math.min(given.batchSize ?? items, items)
  const steps = given.epochs ? given.epochs * Math.ceil(items / batchSize) : (given.steps ?? finetuneDefaults.steps)
  const warmupSteps = given.warmupSteps ?? Math.ceil((given.warmupRatio ?? 0) * steps)
  if (warmupSteps > steps)
    throw new InputError(`finetune: warmupSteps must be at most the ${steps} steps there are, found ${warmupSteps}`)
  return {
    seed: 0,
    microBatchSize: batchSize,
    ...finetuneDefaults,
    ...given,
    steps,
    batchSize,
    warmupSteps,
  }
}

const count: Range = ['a positive integer', x => Number.isSafeInteger(x) && x > 0]
const positive: Range = ['a positive number', x => x > 0 && Number.isFinite(x)]
type Range = [words: string, ok: (x: number) => boolean]

/** Range of each number: what it must be, in words, and the test. */
const RANGES: readonly [keyof FinetuneOptions, ...Range][] = [
  ['rank', ...count],
  ['alpha', ...positive],
  ['seed', 'an integer', Number.isSafeInteger],
  ['steps', ...count],
  ['epochs', ...count],
  ['batchSize', ...count],
  ['microBatchSize', ...count],
  ['warmupSteps', 'an integer ≥ 0', x => Number.isSafeInteger(x) && x >= 0],
  ['warmupRatio', 'a number in [0, 1]', x => x >= 0 && x <= 1],
  ['learningRate', ...positive],
  ['weightDecay', 'a number ≥ 0', x => x >= 0 && Number.isFinite(x)],
  ['epsilon', ...positive],
  ['clipNorm', 'a positive number, or null for no clipping', x => x > 0],
]

const WORDS = {
  scheduler: SCHEDULERS,
  optimizerState: ['fresh', 'continue'],
} as const

/** Options of which one at most can be given: both would say the same thing. */
const EITHER = [
  ['steps', 'epochs'],
  ['warmupSteps', 'warmupRatio'],
] as const

/** @throws InputError naming the option, what was found and what would be right */
export function requireFinetuneOptions(o: FinetuneOptions): void {
  const fail = (name: string, right: string, found: unknown): never => {
    throw new InputError(`finetune: ${name} must be ${right}, found ${String(found)}`)
  }
  for (const [name, range, ok] of RANGES) {
    const value = o[name]
    if (value === undefined || (value === null && name === 'clipNorm')) continue
    if (typeof value !== 'number' || !ok(value)) fail(name, range, value)
  }
  const { betas } = o
  if (betas !== undefined && !(Array.isArray(betas) && betas.length === 2 && betas.every(b => b >= 0 && b < 1)))
    fail('betas', 'two numbers in [0, 1)', betas)
  requireWords('finetune', o, WORDS)
  if (o.onStep !== undefined && typeof o.onStep !== 'function') fail('onStep', 'a function', o.onStep)
  for (const [a, b] of EITHER)
    if (o[a] !== undefined && o[b] !== undefined)
      throw new InputError(`finetune: ${a} ${o[a]} and ${b} ${o[b]} were both given; leave one of them out`)
  requireItemOptions('finetune', o)
}

const ITEM_WORDS = { trainOn: ['target', 'assistant'], truncation: ['error', 'left', 'right'] } as const

/**
 * @param what is being done, for messages
 * @throws InputError naming the option, what was found and what would be right
 */
export function requireItemOptions(what: string, o: ItemOptions): void {
  requireWords(what, o, ITEM_WORDS)
  if (o.maxLength !== undefined && !(Number.isSafeInteger(o.maxLength) && o.maxLength > 0))
    throw new InputError(`${what}: maxLength must be a positive integer, found ${String(o.maxLength)}`)
}

function requireWords<T extends object>(what: string, o: T, words: { [K in keyof T]?: readonly T[K][] }): void {
  for (const [name, ok] of Object.entries(words) as [keyof T & string, readonly T[keyof T][]][])
    if (o[name] !== undefined && !ok.includes(o[name]))
      throw new InputError(`${what}: ${name} must be ${ok.map(w => `'${w}'`).join(' or ')}, found ${String(o[name])}`)
}
