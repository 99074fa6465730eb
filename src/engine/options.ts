import { InputError } from '../errors.js'
import type { AdamWOptions } from '../grad/adamw.js'

/** Settings of `finetune`. The first four belong to a new adapter; a continued one keeps its own. */
export interface FinetuneOptions extends Partial<AdamWOptions> {
  /** R */
  rank?: number
  /** α: the update is scaled by α/R. */
  alpha?: number
  rslora?: boolean
  /** As PEFT's target_modules, `q_proj` or a full name; default all linear layers. */
  targetModules?: readonly string[]
  /** Of the initial weights of a new adapter. */
  seed?: number
  /** Optimizer steps, all on the same batch. */
  steps?: number
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
} as const satisfies FinetuneOptions

/** `options` with the defaults for what was left out, or given as undefined. */
export function withDefaults(options: FinetuneOptions): AdamWOptions & { steps: number; signal?: AbortSignal } {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...finetuneDefaults, ...Object.fromEntries(given) }
}

/** Range of each number: what it must be, in words, and the test. */
const RANGES: readonly [keyof FinetuneOptions, string, (x: number) => boolean][] = [
  ['rank', 'a positive integer', x => Number.isInteger(x) && x > 0],
  ['alpha', 'a positive number', x => x > 0 && Number.isFinite(x)],
  ['steps', 'a positive integer', x => Number.isInteger(x) && x > 0],
  ['learningRate', 'a positive number', x => x > 0 && Number.isFinite(x)],
  ['weightDecay', 'a number ≥ 0', x => x >= 0 && Number.isFinite(x)],
  ['epsilon', 'a positive number', x => x > 0 && Number.isFinite(x)],
  ['clipNorm', 'a positive number, or null for no clipping', x => x > 0],
]

/** @throws InputError naming the option, what was found and what would be right */
export function requireFinetuneOptions(o: FinetuneOptions): void {
  for (const [name, range, ok] of RANGES) {
    const value = o[name]
    if (value === undefined || (value === null && name === 'clipNorm')) continue
    if (typeof value !== 'number' || !ok(value))
      throw new InputError(`finetune: ${name} must be ${range}, found ${String(value)}`)
  }
  if (o.betas && !(o.betas.length === 2 && o.betas.every(b => b >= 0 && b < 1)))
    throw new InputError(`finetune: betas must be two numbers in [0, 1), found ${o.betas}`)
}
