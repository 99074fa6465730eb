import { z } from 'zod'
import { InputError, messageOf } from '../errors.js'
import type { Message } from '../protocol/index.js'

/** What retrieval, inference and baselines may see of an example: the question, never the reference or its scorer. */
export interface ExampleView {
  readonly datasetName: string
  readonly split?: string | undefined
  readonly testIdx: string | number
  /** The prompt as chat turns; at least one. */
  readonly messages: readonly Message[]
  /** BCP 47 language tag, such as `en`. */
  readonly lang: string
  /** The user's request as one text, where the source has it. */
  readonly userPrompt?: string | undefined
  /** The conversation that the example belongs to: what `store.getLast` looks adapters up by. */
  readonly chatId?: string | undefined
}

/** A finished example: with its reference, without its scorer. */
export interface FinishedExample extends ExampleView {
  /** The text to learn. */
  readonly target?: string | undefined
  /** What the scorer needs; never for the model. */
  readonly info: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, unknown>>
}

/** What a scorer returns: finite numbers and booleans become metrics, the rest details. */
export type Evaluation = Record<string, unknown>

/** One item of an example source. */
export interface ExampleContext extends FinishedExample {
  evaluate(response: string): Evaluation | Promise<Evaluation>
}

/** `datasetName/split/testIdx`, with `-` where there is no split: names the example within a run. */
export const exampleKey = (example: ExampleView): string =>
  `${example.datasetName}/${example.split ?? '-'}/${example.testIdx}`

const Shape = z.object({
  datasetName: z.string().min(1),
  split: z.string().min(1).optional(),
  testIdx: z.union([z.string().min(1), z.number()]),
  messages: z.array(z.object({ role: z.string().min(1), content: z.string() })).min(1),
  lang: z.string().min(1),
  userPrompt: z.string().optional(),
  chatId: z.string().min(1).optional(),
  target: z.string().optional(),
  info: z.record(z.string(), z.unknown()),
  metadata: z.record(z.string(), z.unknown()),
  evaluate: z.custom<ExampleContext['evaluate']>(value => typeof value === 'function', 'expected a function'),
})

/**
 * A checked, deeply frozen copy of what a source gave, so that no callable can alter an example.
 *
 * @param index position in the run, for the error
 * @throws InputError if a field is missing or of the wrong type, or `info` or `metadata` is not plain data
 */
export function readExample(given: unknown, index: number): ExampleContext {
  const { data, error } = Shape.safeParse(given)
  if (error) throw new InputError(`reading example ${index} of the source: ${z.prettifyError(error)}`)
  try {
    const { evaluate: _, ...fields } = data
    const evaluate: ExampleContext['evaluate'] = response => (given as ExampleContext).evaluate(response)
    return deepFreeze({ ...structuredClone(fields), evaluate })
  } catch (cause) {
    const what = `reading example ${index} of the source (${exampleKey(data)})`
    throw new InputError(`${what}: info and metadata must be plain data: ${messageOf(cause)}`, { cause })
  }
}

/** The part of an example that may reach a model: a new object, so that nothing leads back to the reference. */
export function viewOf(example: ExampleContext): ExampleView {
  const { evaluate: _e, target: _t, info: _i, metadata: _m, ...view } = example
  return Object.freeze(view)
}

/** The example without its scorer, as results keep it. */
export function finished(example: ExampleContext): FinishedExample {
  const { evaluate: _, ...rest } = example
  return Object.freeze(rest)
}

/** Freezes plain data in place, to any depth. Typed arrays stay as they are: they cannot be frozen. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value
  Object.freeze(value) // First, so that a cycle ends.
  for (const inner of Object.values(value)) deepFreeze(inner)
  return value
}
