import { InputError, quote } from '../errors.js'
import type { Step } from '../protocol/index.js'
import { categoryOf, headline, metricsOf, ownValue } from './curve.js'
import { firstDifferentStep, type StepDifference } from './difference.js'
import { readRun } from './open.js'
import type { RunRecord } from './record.js'
import { parseRef } from './ref.js'
import { type Difference, groupBy, pairedDifference, signTest } from './stats.js'

export interface CompareOptions {
  /** Only this metric; by default every one that both have, the headline metric first. */
  metric?: string | undefined
  /** What an example counts under in `categories`; `details.category` by default, where the scorer gives it. */
  by?: ((step: Step) => string | null) | undefined
  /** Of the intervals' resampling; 0 by default. */
  seed?: number | undefined
  /** Most examples in `changed`; 10 by default. */
  most?: number | undefined
}

/** One metric on the examples for which both runs have it. */
export interface Scores {
  metric: string
  /** Number of examples. */
  n: number
  means: { a: number; b: number }
  /** Examples on which B scored higher, the same, lower. */
  win: number
  tie: number
  loss: number
  /** p of the two-sided exact sign test over win and loss. */
  signTest: number
}

export type MetricComparison = Scores & {
  /** B − A. */
  difference: Difference
}

/** The first metric on a part of the examples; null stands for those of no chat or category. */
export type Group<T extends Scores> = T & { group: string | null }

/** An example that came out differently. */
export interface ChangedExample {
  key: string
  chatId: string | null
  /** Index in each run. */
  index: { a: number; b: number }
  /** Score in the first metric; null where there is none. */
  score: { a: number | null; b: number | null }
  /** B − A; null where one has no score. */
  difference: number | null
  response: { a: string; b: string }
}

/** Two runs, or branches, paired by example. */
export interface Comparison {
  /** Examples that both have. */
  pairs: number
  /** Examples that only one has. */
  unmatched: { a: number; b: number }
  metrics: MetricComparison[]
  /** Without intervals: a chat's own examples say nothing about other chats. */
  chats: Group<Scores>[]
  categories: Group<MetricComparison>[]
  /** Pairs with another score in the first metric or another response, and those that changed most. */
  changes: { scores: number; responses: number; examples: ChangedExample[] }
  /** Callables of which the two have another text on some example. */
  callables: (keyof Step['callables'])[]
  /**
   * Where the steps in order differ first, seeds and texts of callables aside; null if nowhere. `position` counts from 0.
   */
  first: (StepDifference & { position: number; key: { a: string | undefined; b: string | undefined } }) | null
}

interface StepPair {
  a: Step
  b: Step
}

/** What can be compared: `FOLDER[@BRANCH][#INDEX]`, an opened run (its current branch), or steps. */
export type Comparable = string | Pick<RunRecord, 'steps'> | readonly Step[]

/**
 * Compares two runs, branches or beginnings of them: see `compareSteps`.
 *
 * @throws InputError also if there is no such run, branch or example
 */
export const compare = (a: Comparable, b: Comparable, options: CompareOptions = {}): Comparison =>
  compareSteps(stepsOf(a), stepsOf(b), options)

/** Steps of a run, as far as a reference says. @throws InputError if there is no such run, branch or example */
export function stepsOf(run: Comparable): readonly Step[] {
  if (typeof run !== 'string') return 'steps' in run ? run.steps() : run
  const { folder, branch, index } = parseRef(run)
  const record = readRun(folder)
  try {
    const steps = record.steps(branch)
    if (index !== undefined && index >= steps.length)
      throw new InputError(`reading ${run}: it has ${steps.length} examples, counted from 0`)
    return index === undefined ? steps : steps.slice(0, index + 1)
  } finally {
    record.close()
  }
}

/**
 * Compares two runs of steps, paired by example key.
 *
 * Intervals: paired by example, clustered by chat (`pairedDifference`).
 *
 * @throws InputError if they have no example in common, or not the metric that was asked for
 */
export function compareSteps(a: readonly Step[], b: readonly Step[], options: CompareOptions = {}): Comparison {
  const { metric, by = categoryOf, seed = 0, most = 10 } = options
  const inB = new Map(b.map(step => [step.key, step]))
  const pairs = a.flatMap(step => (inB.has(step.key) ? [{ a: step, b: inB.get(step.key)! }] : []))
  if (pairs.length === 0) throw new InputError(`comparing runs: no example is in both${firstKeys(a, b)}`)

  const metrics = metric === undefined ? commonMetrics(pairs) : [metric]
  const compareIn = (name: string, of: readonly StepPair[]): MetricComparison[] => {
    const scored = scoredPairs(name, of)
    const difference = pairedDifference(scored, seed)
    return difference ? [{ ...scoresOf(name, scored), difference }] : []
  }
  const compared = metrics.flatMap(name => compareIn(name, pairs))
  if (metric !== undefined && compared.length === 0)
    throw new InputError(
      `comparing runs by ${metric}: no example has it in both; both have ${commonMetrics(pairs).join(', ') || 'none'}`,
    )
  const first = compared[0]?.metric
  const groups = <T extends Scores>(
    groupOf: (step: Step) => string | null,
    compareGroup: (metric: string, members: readonly StepPair[]) => T[],
  ): Group<T>[] => {
    const found = [...groupBy(pairs, pair => groupOf(pair.a))]
    if (first === undefined || found.every(([group]) => group === null)) return []
    return found.flatMap(([group, members]) => compareGroup(first, members).map(each => ({ group, ...each })))
  }
  return {
    pairs: pairs.length,
    unmatched: { a: a.length - pairs.length, b: b.length - pairs.length },
    metrics: compared,
    chats: groups(
      step => step.chatId,
      (name, members) => {
        const scored = scoredPairs(name, members)
        return scored.length > 0 ? [scoresOf(name, scored)] : []
      },
    ),
    categories: groups(by, compareIn),
    changes: changesIn(pairs, first, most),
    callables: (['retrieveLoraFn', 'inferenceFn', 'finetuneFn'] as const).filter(name =>
      pairs.some(pair => pair.a.callables[name] !== pair.b.callables[name]),
    ),
    first: firstIn(a, b),
  }
}

/** Metrics that both have on some example, the headline first. */
function commonMetrics(pairs: readonly StepPair[]): string[] {
  const inB = new Set(metricsOf(pairs.map(pair => pair.b)))
  const common = metricsOf(pairs.map(pair => pair.a)).filter(name => inB.has(name))
  const main = headline(common.map(name => ({ metrics: { [name]: 0 } })))
  return main === null ? [] : [main, ...common.filter(name => name !== main)]
}

interface ScoredPair {
  key: string
  chat: string | null
  x: number
  y: number
  difference: number
}

/** In the order of their keys: an interval does not depend on the order in which the examples were run. */
const scoredPairs = (metric: string, pairs: readonly StepPair[]): ScoredPair[] =>
  pairs
    .flatMap(({ a, b }) => {
      const [x, y] = [ownValue(a.metrics, metric), ownValue(b.metrics, metric)]
      return x === undefined || y === undefined ? [] : [{ key: a.key, chat: a.chatId, x, y, difference: y - x }]
    })
    .sort((p, q) => (p.key < q.key ? -1 : 1))

/** @param scored at least one */
function scoresOf(metric: string, scored: readonly ScoredPair[]): Scores {
  const count = (sign: number) => scored.filter(pair => Math.sign(pair.difference) === sign).length
  const [win, tie, loss] = [count(1), count(0), count(-1)]
  const mean = (of: 'x' | 'y') => scored.reduce((sum, pair) => sum + pair[of], 0) / scored.length
  const means = { a: mean('x'), b: mean('y') }
  return { metric, n: scored.length, means, win, tie, loss, signTest: signTest(win, loss) }
}

/** By the size of the difference, then other responses before equal ones, then in the order of A. */
function changesIn(pairs: readonly StepPair[], metric: string | undefined, most: number): Comparison['changes'] {
  const all = pairs.map(({ a, b }): ChangedExample => {
    const score = { a: scoreIn(a, metric), b: scoreIn(b, metric) }
    return {
      key: a.key,
      chatId: a.chatId,
      index: { a: a.index, b: b.index },
      score,
      difference: score.a === null || score.b === null ? null : score.b - score.a,
      response: { a: a.response, b: b.response },
    }
  })
  const size = (example: ChangedExample) => Math.abs(example.difference ?? 0)
  const answered = ({ response }: ChangedExample) => Number(response.a !== response.b)
  const changed = all.filter(example => size(example) > 0 || answered(example))
  return {
    scores: all.filter(example => size(example) > 0).length,
    responses: all.filter(answered).length,
    examples: changed.sort((x, y) => size(y) - size(x) || answered(y) - answered(x)).slice(0, most),
  }
}

const scoreIn = ({ metrics }: Step, metric: string | undefined): number | null =>
  metric === undefined ? null : (ownValue(metrics, metric) ?? null)

function firstIn(a: readonly Step[], b: readonly Step[]): Comparison['first'] {
  const found = firstDifferentStep(a, b, ['seed', 'callables'])
  return found && { ...found, key: { a: a[found.position]?.key, b: b[found.position]?.key } }
}

function firstKeys(a: readonly Step[], b: readonly Step[]): string {
  const [one, other] = [a, b].map(steps => (steps[0] ? `begins with ${quote(steps[0].key)}` : 'has none'))
  return `: the first ${one}, the second ${other}`
}
