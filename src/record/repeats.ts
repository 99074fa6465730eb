import type { Step } from '../protocol/index.js'
import { ADAPTER, type Arm, armsOf, headline, mean } from './curve.js'
import { type Difference, pairedDifference, type RepeatMean, repeatMean } from './stats.js'

/** One run of an experiment that was run with several seeds. */
export interface Repeat {
  seed: number
  steps: readonly Step[]
}

/** Several runs of one experiment. Intervals of `over` are Student's, over the repeats. */
export interface Repeats {
  /** The headline metric; null if nothing was scored. */
  metric: string | null
  runs: {
    seed: number
    examples: number
    /** Mean score of each arm, in the order of `arms`. */
    means: (number | null)[]
  }[]
  /** The adapter first, then the baselines. */
  arms: { name: string; over: RepeatMean | null }[]
  differences: {
    baseline: string
    /** Adapter minus baseline: of each repeat its mean difference, then over the repeats. */
    over: RepeatMean
    /** All pairs of all repeats. The same chat in two repeats is one cluster; with one chat, the same example is. */
    pooled: Difference
  }[]
}

/** What repeats of an experiment say together. @param seed of the pooled interval's resampling */
export function summariseRepeats(repeats: readonly Repeat[], seed = 0): Repeats {
  const metric = headline(repeats.flatMap(({ steps }) => steps))
  const runs = repeats.map(({ seed, steps }) => {
    const [adapter, ...others] = metric === null ? [] : armsOf(steps, metric)
    return { seed, steps, adapter, others: new Map(others.map(arm => [arm.name, arm])) }
  })
  const baselines = [...new Set(runs.flatMap(({ others }) => [...others.keys()]))]
  const armsIn = (run: (typeof runs)[number]) => [run.adapter, ...baselines.map(name => run.others.get(name))]
  const rows = runs.map(run => ({
    seed: run.seed,
    examples: run.steps.length,
    means: metric === null ? [] : armsIn(run).map(arm => mean(arm?.scores ?? [])),
  }))
  const names = metric === null ? [] : [ADAPTER, ...baselines]
  return {
    metric,
    runs: rows,
    arms: names.map((name, i) => ({ name, over: repeatMean(rows.flatMap(row => row.means[i] ?? [])) })),
    differences: baselines.flatMap(baseline => {
      const pairs = runs.map(({ steps, adapter, others }) => pairsOf(steps, adapter, others.get(baseline)))
      const over = repeatMean(pairs.flatMap(of => mean(of.map(pair => pair.difference)) ?? []))
      const pooled = pool(pairs.flat(), seed)
      return over && pooled ? [{ baseline, over, pooled }] : []
    }),
  }
}

interface Pair {
  key: string
  chat: string | null
  difference: number
}

const pairsOf = (steps: readonly Step[], a: Arm | undefined, b: Arm | undefined): Pair[] =>
  steps.flatMap(({ key, chatId }, i) => {
    const [x, y] = [a?.scores[i] ?? null, b?.scores[i] ?? null]
    return x === null || y === null ? [] : [{ key, chat: chatId, difference: x - y }]
  })

/** Answers to one example in several repeats go together, as those of one chat do. */
function pool(pairs: readonly Pair[], seed: number): Difference | null {
  const byChat = new Set(pairs.map(({ chat }) => chat)).size > 1
  const clusterOf = ({ key, chat }: Pair) => JSON.stringify(byChat && chat !== null ? { chat } : { key })
  const found = pairedDifference(
    pairs.map(pair => ({ chat: clusterOf(pair), difference: pair.difference })),
    seed,
  )
  return found && { ...found, unit: byChat ? 'chat' : 'example' }
}
