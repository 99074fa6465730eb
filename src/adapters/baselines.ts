import type { GenerateOptions, LoRAModel } from '../engine/model.js'
import type { BaselineFn, HarnessView } from '../harness/callables.js'
import type { ExampleView } from '../harness/example.js'
import { bm25Search, type Found, type Passage } from './bm25.js'

export { bm25Search, type Found, type Passage }

/**
 * What every run should be measured against. Each is a function for the option `baselines` of LoRAHarness, and keeps
 * nothing between examples: a resumed, rewound or forked run gets the same answers.
 *
 *     baselines: { base: base(model, { maxNewTokens: 32 }), 'not mentioned': constant('not mentioned'), bm25: bm25() }
 */

/** The same text to every question: what a metric gives for the form of an answer, or for a data set's lean. */
export const constant =
  (text: string): BaselineFn =>
  () =>
    text

/** No text at all: what a metric gives for nothing. */
export const empty = (): BaselineFn => constant('')

/** The model without an adapter, with the run's own seeds and signal. */
export const base =
  (model: Pick<LoRAModel, 'generate'>, options: Omit<GenerateOptions, 'seed' | 'signal'> = {}): BaselineFn =>
  (example, { seed, signal }) =>
    model.generate(example.messages, { ...options, seed, signal })

export interface Bm25Options {
  /**
   * Where to look: a corpus, or what to search for an example, such as its chat's corpus (an array that is given again is
   * indexed once). By default the run's finished examples that have a target: their questions are searched, and the
   * target of the most similar one is the answer.
   */
  passages?:
    | readonly (string | Passage)[]
    | ((example: ExampleView, harness: HarnessView) => readonly (string | Passage)[])
  /** What to look for; by default the example's `userPrompt`, else its last message. */
  query?: (example: ExampleView) => string
  /** How many passages `answerWith` is given at most; 1 by default. */
  k?: number
  /** Makes an answer of what was found, best first, perhaps nothing. By default the best one's, or an empty text. */
  answerWith?: (found: readonly Found[], example: ExampleView, harness: HarnessView) => ReturnType<BaselineFn>
}

/** Retrieval only, by BM25 (see `bm25Search`): what can be found without learning anything. */
export function bm25({
  passages = earlierExamples,
  query = questionOf,
  k = 1,
  answerWith = ([best]) => best?.answer ?? '',
}: Bm25Options = {}): BaselineFn {
  const indexes = new WeakMap<object, ReturnType<typeof bm25Search>>()
  return (example, harness) => {
    const where = typeof passages === 'function' ? passages(example, harness) : passages
    const search = indexes.get(where) ?? bm25Search(where)
    indexes.set(where, search)
    return answerWith(search(query(example), k), example, harness)
  }
}

/** Questions of the run so far with their right answers, as passages. */
export const earlierExamples = (_example: ExampleView, { results }: Pick<HarnessView, 'results'>): Passage[] =>
  results.flatMap(({ example }) =>
    example.target === undefined ? [] : [{ text: questionOf(example), answer: example.target }],
  )

const questionOf = ({ userPrompt, messages }: ExampleView): string => userPrompt ?? messages.at(-1)!.content
