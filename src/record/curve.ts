import { mean as meanOf } from 'simple-statistics'
import type { Step } from '../protocol/index.js'
import { groupBy } from './stats.js'

/** What the run's adapter is called beside the baselines. */
export const ADAPTER = 'adapter'

/** The scores of one arm, one for each step; null where it has none. */
export interface Arm {
  name: string
  scores: (number | null)[]
}

/** The metric that a run is judged by: `f1` if the steps have it, else the first of the first step; null if none has. */
export function headline(scored: readonly Pick<Step, 'metrics'>[]): string | null {
  const names = metricsOf(scored)
  return names.includes('f1') ? 'f1' : (names[0] ?? null)
}

/** Names of all metrics, in the order of their first appearance. */
export const metricsOf = (scored: readonly Pick<Step, 'metrics'>[]): string[] => [
  ...new Set(scored.flatMap(step => Object.keys(step.metrics))),
]

/** The kind of question by the scorer's `details.category`, where it is a text; null where it gives none. */
export const categoryOf = ({ details: { category } }: Pick<Step, 'details'>): string | null =>
  typeof category === 'string' || typeof category === 'number' ? String(category) : null

/** A field by a name from outside, which may be `constructor` or `__proto__`; undefined if it has none of its own. */
export const ownValue = <T>(of: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  of !== undefined && Object.hasOwn(of, name) ? of[name] : undefined

/** Adapter and baselines with their scores in `metric`; the adapter first. */
export function armsOf(steps: readonly Step[], metric: string): Arm[] {
  const baselines = [...new Set(steps.flatMap(step => Object.keys(step.baselines)))]
  return [
    { name: ADAPTER, scores: steps.map(step => ownValue(step.metrics, metric) ?? null) },
    ...baselines.map(name => ({
      name,
      scores: steps.map(step => ownValue(ownValue(step.baselines, name)?.metrics, metric) ?? null),
    })),
  ]
}

/** Mean of the scores there are; null if there is none. */
export function mean(scores: readonly (number | null)[]): number | null {
  const known = scores.filter(score => score !== null)
  return known.length > 0 ? meanOf(known) : null
}

/**
 * For each position the mean over the last `window` scores up to it (fewer at the start); all of them by default, which
 * is the prequential mean: each example is scored before anything learns from it (Dawid 1984; Gama, Sebastião and
 * Rodrigues 2013). Null before the first score. Time and memory are linear in the number of scores.
 */
export function runningMean(scores: readonly (number | null)[], window = Number.POSITIVE_INFINITY): (number | null)[] {
  const recent: number[] = []
  let total = 0
  return scores.map(score => {
    if (score !== null) {
      recent.push(score)
      total += score
      if (recent.length > window) total -= recent[recent.length - 1 - window]!
    }
    return recent.length > 0 ? total / Math.min(recent.length, window) : null
  })
}

/** For each position within a chat (from 0) the mean score over all chats that reach it. */
export function meanByPosition(steps: readonly Step[], scores: readonly (number | null)[]): (number | null)[] {
  const at: (number | null)[][] = []
  for (const [i, { position }] of positionsInChat(steps).entries()) {
    at[position] ??= [] // A chat has position p − 1 before p, so that there are no holes.
    at[position].push(scores[i]!)
  }
  return at.map(mean)
}

/** Where each step stands in its chat: `position` from 0, of `length` examples. */
export function positionsInChat(steps: readonly Step[]): { position: number; length: number }[] {
  const chats = groupBy(steps, step => step.chatId)
  const seen = new Map<string | null, number>()
  return steps.map(({ chatId }) => {
    const position = seen.get(chatId) ?? 0
    seen.set(chatId, position + 1)
    return { position, length: chats.get(chatId)!.length }
  })
}

/** How one arm did over a run. */
export interface Curve extends Arm {
  /** After each step, the mean of all scores so far (prequential mean). */
  soFar: (number | null)[]
  /** After each step, the mean of the last `window` scores. */
  recent: (number | null)[]
}

/** The begin and the end of one chat. */
export interface FirstLast {
  /** null stands for the examples that belong to no chat. */
  chat: string | null
  examples: number
  /**
   * For each arm, the mean score over the first and over the last third of the chat's examples (rounded down, one
   * example at least); null for a chat of one example, and where nothing was scored.
   */
  arms: { name: string; first: number | null; last: number | null }[]
}

export interface CurveOptions {
  /** The headline metric by default. */
  metric?: string
  /** Examples that the moving mean is over: 20 by default. */
  window?: number
}

/**
 * How the adapter and each baseline did over a run, after each step and by chat. Linear in the number of steps.
 *
 * @returns no curves if nothing was scored
 */
export function curvesOf(
  steps: readonly Step[],
  { metric = headline(steps) ?? undefined, window = 20 }: CurveOptions = {},
): { metric: string | null; window: number; curves: Curve[]; chats: FirstLast[] } {
  const arms = metric === undefined ? [] : armsOf(steps, metric)
  const chats = groupBy(
    steps.map((_, i) => i),
    i => steps[i]!.chatId,
  )
  return {
    metric: metric ?? null,
    window,
    curves: arms.map(arm => ({ ...arm, soFar: runningMean(arm.scores), recent: runningMean(arm.scores, window) })),
    chats: [...chats].map(([chat, members]) => {
      const third = members.length > 1 ? Math.max(1, Math.floor(members.length / 3)) : 0
      const meanIn = (of: number[], { scores }: Arm) => mean(of.map(i => scores[i]!))
      const [first, last] = [members.slice(0, third), members.slice(members.length - third)]
      const ends = (arm: Arm) => ({ name: arm.name, first: meanIn(first, arm), last: meanIn(last, arm) })
      return { chat, examples: members.length, arms: arms.map(ends) }
    }),
  }
}
