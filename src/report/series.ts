import type { Outcome, Step } from '../protocol/index.js'
import { type Arm, armsOf, categoryOf, headline, mean, metricsOf, positionsInChat } from '../record/curve.js'
import { type Difference, groupBy, pairedDifference } from '../record/stats.js'

/** One line of the table: a chat, or all of them. */
export interface Row {
  /** null stands for the examples that belong to no chat. */
  chat: string | null
  examples: number
  /** Mean score of each arm, in the order of `Summary.arms`; null where it scored nothing. */
  means: (number | null)[]
  /** Adapter against the first baseline, by example. */
  win: number
  tie: number
  loss: number
  /** Mean score of each arm over the first and the second half of the chat (a middle example counts as second). */
  firstHalf: (number | null)[]
  secondHalf: (number | null)[]
  outcomes: Record<Outcome['kind'], number>
}

/** The examples of one category: see `categoryOf`. */
export interface CategoryRow {
  /** null stands for the examples without a category. */
  category: string | null
  examples: number
  /** As in `Row`. */
  means: (number | null)[]
}

/** A finished run in numbers: what the terminal's table and the report both show. */
export interface Summary {
  /** The headline metric: `f1` if the steps have it, else the first metric of the first step; null if there is none. */
  metric: string | null
  /** The adapter first, then the baselines in the experiment's order. */
  arms: Arm[]
  chats: Row[]
  overall: Row
  /** By name, numbers in their order, those without a category last; empty if the scorer names none. */
  categories: CategoryRow[]
  /** Adapter minus each baseline, over all examples that both answered and over the second half of each chat. */
  differences: { baseline: string; all: Difference; secondHalf: Difference | null }[]
  /** Mean of every other metric for each arm, and how many examples have it. */
  others: { metric: string; examples: number; means: (number | null)[] }[]
}

/** All numbers of a run. @param seed of the intervals' resampling */
export function summarise(steps: readonly Step[], seed = 0): Summary {
  const metric = headline(steps)
  const arms = metric === null ? [] : armsOf(steps, metric)
  const second = positionsInChat(steps).map(({ position, length }) => position >= Math.floor(length / 2))
  const all = steps.map((_, i) => i)
  const row = (chat: string | null, members: number[]): Row => rowOf(chat, members, steps, arms, second)
  const adapter = arms[0]
  return {
    metric,
    arms,
    chats: [...groupBy(all, i => steps[i]!.chatId)].map(([chat, members]) => row(chat, members)),
    overall: row(null, all),
    categories: categoriesOf(steps, arms),
    differences: arms.slice(1).flatMap(baseline => {
      const difference = (members: number[]) => {
        const pairs = members.flatMap(i => {
          const [a, b] = [adapter!.scores[i]!, baseline.scores[i]!]
          return a === null || b === null ? [] : [{ chat: steps[i]!.chatId, difference: a - b }]
        })
        return pairedDifference(pairs, seed)
      }
      const total = difference(all)
      if (!total) return []
      return [{ baseline: baseline.name, all: total, secondHalf: difference(all.filter(i => second[i])) }]
    }),
    others: metricsOf(steps)
      .filter(name => name !== metric)
      .map(name => {
        const scores = armsOf(steps, name).map(arm => arm.scores)
        return { metric: name, examples: scores[0]!.filter(v => v !== null).length, means: scores.map(mean) }
      }),
  }
}

const byName = new Intl.Collator('en', { numeric: true }).compare

function categoriesOf(steps: readonly Step[], arms: readonly Arm[]): CategoryRow[] {
  const groups = [...groupBy([...steps.keys()], i => categoryOf(steps[i]!))]
  if (groups.every(([category]) => category === null)) return []
  return groups
    .map(([category, members]) => ({
      category,
      examples: members.length,
      means: arms.map(arm => mean(members.map(i => arm.scores[i]!))),
    }))
    .sort(({ category: a }, { category: b }) =>
      a === null || b === null ? Number(a === null) - Number(b === null) : byName(a, b),
    )
}

function rowOf(chat: string | null, members: number[], steps: readonly Step[], arms: Arm[], second: boolean[]): Row {
  const means = (of: number[]) => arms.map(arm => mean(of.map(i => arm.scores[i]!)))
  const outcomes: Row['outcomes'] = { updated: 0, unchanged: 0, skipped: 0, failed: 0 }
  const row = { win: 0, tie: 0, loss: 0 }
  for (const i of members) {
    outcomes[steps[i]!.outcome.kind]++
    const [a, b] = [arms[0]?.scores[i] ?? null, arms[1]?.scores[i] ?? null]
    if (a !== null && b !== null) row[a > b ? 'win' : a < b ? 'loss' : 'tie']++
  }
  return {
    chat,
    examples: members.length,
    means: means(members),
    ...row,
    firstHalf: means(members.filter(i => !second[i])),
    secondHalf: means(members.filter(i => second[i])),
    outcomes,
  }
}
