import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { HarnessError, messageOf, StorageError } from '../errors.js'
import { LoRAHandle, Skip } from '../lora/handle.js'
import type { Generation, Json, Metrics, Outcome, Step } from '../protocol/index.js'
import type { ExampleContext, ExampleView } from './example.js'
import type { ExampleResult } from './step.js'
import type { StoreView } from './store.js'

type Awaitable<T> = T | Promise<T>

/**
 * Something that happens within an example, such as `{ type: 'token', text }` from a callable. The harness tells of a
 * `stage` that begins, a `leak` (see RunEvent), and a `probing` that is done. `index` is the example's; what comes from
 * a probe has its key as `probe`.
 */
export interface HarnessEvent {
  type: string
  [field: string]: Json
}

/**
 * What a callable sees of the run. Nothing in it leads to the source, a scorer or the current example's reference; only
 * a closure over the experiment's own data can still cheat.
 */
export interface HarnessView {
  readonly store: StoreView
  /** Position of the current example in the run, from 0. */
  readonly index: number
  /** Seed of this step: a function of the run's seed and the index. */
  readonly seed: number
  /** Aborted when the run is stopped. Long work should heed it. */
  readonly signal: AbortSignal
  /** The examples that are finished; the current one is not among them. */
  readonly results: readonly ExampleResult[]
  emit(event: HarnessEvent): void
}

export type RetrieveLoraFn = (example: ExampleView, harness: HarnessView) => Awaitable<LoRAHandle | null | undefined>
export type InferenceFn = (
  example: ExampleView,
  lora: LoRAHandle | null,
  harness: HarnessView,
) => Awaitable<string | Generation>
export type FinetuneFn = (
  example: ExampleContext,
  lora: LoRAHandle | null,
  response: string,
  metrics: Readonly<Metrics>,
  harness: HarnessView,
) => Awaitable<LoRAHandle | Skip | null | undefined>
/** Answers the same messages without an adapter of the run; scored alike, never trained. */
export type BaselineFn = (example: ExampleView, harness: HarnessView) => Awaitable<string | Generation>

export interface Callables {
  /** Picks the adapter to answer with. */
  retrieveLoraFn: RetrieveLoraFn
  /** Answers. */
  inferenceFn: InferenceFn
  /** Learns from the scored example: the only callable that is given the reference. */
  finetuneFn: FinetuneFn
}

/** Texts of the callables, and of the files they come from where those are known. */
export type Sources = Readonly<Record<keyof Callables | 'code', string>>

export const sourcesOf = ({ retrieveLoraFn, inferenceFn, finetuneFn }: Callables, code: string): Sources => ({
  retrieveLoraFn: String(retrieveLoraFn),
  inferenceFn: String(inferenceFn),
  finetuneFn: String(finetuneFn),
  code,
})

/** sha-256 of each callable's text and of `code`. */
export function hashesOf({ retrieveLoraFn, inferenceFn, finetuneFn, code }: Sources): Step['callables'] {
  const hash = (text: string) =>
    createHash('sha256')
      .update(JSON.stringify([code, text]))
      .digest('hex')
  return { retrieveLoraFn: hash(retrieveLoraFn), inferenceFn: hash(inferenceFn), finetuneFn: hash(finetuneFn) }
}

/** @throws HarnessError if a retrieveLoraFn returned neither an adapter nor nothing */
export function adapterOf(returned: unknown): LoRAHandle | null {
  if (returned === null || returned === undefined) return null
  if (returned instanceof LoRAHandle) return returned
  throw new HarnessError(`retrieveLoraFn returned ${show(returned)}; it must return a LoRAHandle or null`)
}

/** @throws HarnessError if an inferenceFn or baseline returned neither a text nor a Generation */
export function generationOf(returned: unknown): Generation {
  if (typeof returned === 'string') return { text: returned, promptTokens: 0, newTokens: 0, finishReason: '' }
  const { text, promptTokens, newTokens, finishReason } = (returned ?? {}) as Partial<Generation>
  if (typeof text === 'string' && Number.isFinite(promptTokens) && Number.isFinite(newTokens))
    return { text, promptTokens: promptTokens!, newTokens: newTokens!, finishReason: String(finishReason ?? '') }
  const right = 'it must return a string or { text, promptTokens, newTokens, finishReason }'
  throw new HarnessError(`returned ${show(returned)}; ${right}`)
}

/** What came of fine-tuning; `cause` is what was thrown. */
export interface Update {
  outcome: Outcome
  /** The new adapter; null unless the outcome is `updated`. */
  lora: LoRAHandle | null
  cause?: unknown
}

/**
 * Runs a finetuneFn and names its outcome.
 *
 * @throws HarnessError if it returned something it must not: a mistake in the experiment, unlike a failed training
 * @throws StorageError if what it made could not be kept
 */
export async function updateFrom(
  retrieved: LoRAHandle | null,
  finetune: () => ReturnType<FinetuneFn>,
): Promise<Update> {
  let returned: Awaited<ReturnType<FinetuneFn>>
  try {
    returned = await finetune()
  } catch (cause) {
    if (cause instanceof StorageError) throw cause
    return { outcome: { kind: 'failed', reason: messageOf(cause) }, lora: null, cause }
  }
  if (returned === null || returned === undefined) return { outcome: { kind: 'unchanged' }, lora: null }
  if (returned instanceof Skip) return { outcome: { kind: 'skipped', reason: returned.reason }, lora: null }
  if (!(returned instanceof LoRAHandle))
    throw new HarnessError(`finetuneFn returned ${show(returned)}; it must return a LoRAHandle, null or skip(reason)`)
  const same = returned.identifier === retrieved?.identifier
  return same ? { outcome: { kind: 'unchanged' }, lora: null } : { outcome: { kind: 'updated' }, lora: returned }
}

/** A short text of anything, for an error. */
function show(value: unknown): string {
  const text = inspect(value, { depth: 1, breakLength: Infinity })
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
