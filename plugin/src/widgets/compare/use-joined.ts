import { useMemo } from 'react'
import { useRun, useView } from '../../context.js'
import { byScore, type Joined, join, metricRows, type Other, type Pair, type Row } from '../../model/compare.js'
import { baselineOf, branchOf, lineOf, metricOf } from '../../model/shown.js'
import { distance } from '../../model/worddiff.js'
import { useDetails } from '../example/use-example.js'
import { usePaced } from '../paced.js'

/** What the branch that is looked at is compared with, and how it came out. */
export interface Comparison extends Joined {
  branch: string
  other: Other
  /** Name of the other. */
  name: string
  metric: string | null
}

/**
 * The other branch that was picked, else the baseline: null if there is neither, undefined while it is calculated, which
 * a live run has done once a second.
 */
export function useJoined(): Comparison | null | undefined {
  const run = useRun()
  const view = useView()
  const [branch, metric, baseline] = [branchOf(run, view), metricOf(run, view), baselineOf(run, view)]
  const against = view.against.find(name => name !== branch && run.branches.some(known => known.name === name))
  const name = against ?? baseline
  const about = JSON.stringify([branch, metric, against ?? null, baseline])
  const joined = usePaced(about, run.version, (): Comparison | null => {
    if (name === null) return null
    // Lines grow in place; what is compared stays as it is until it is calculated anew.
    const other: Other = against === undefined ? { baseline: name } : { branch: name, line: [...run.line(name)] }
    return { branch, other, name, metric, ...join(lineOf(run, view), other) }
  })
  return name === null ? null : (joined ?? undefined)
}

export const useMetricRows = ({ pairs, other }: Comparison): Row[] =>
  useMemo(() => metricRows(pairs, other), [pairs, other])

/** Pairs that changed most, and for how many pairs both answers are known. */
export interface Changes {
  pairs: Pair[]
  known: number
}

/** By how much the score changed, or how much of the answer did, as far as texts are known. */
export function useChanges(comparison: Comparison, by: 'score' | 'answer'): Changes {
  const details = useDetails()
  const { pairs, other, metric } = comparison
  const texts = by === 'answer' ? details.version : 0
  // biome-ignore lint/correctness/useExhaustiveDependencies: `texts` stands for what details know
  return useMemo(() => {
    if (by === 'score') return { pairs: byScore(pairs, other, metric), known: pairs.length }
    const sized = pairs.flatMap(pair => {
      const [here, there] = [details.texts(pair.point), details.texts(pair.other)]
      const answer = 'baseline' in other ? there?.baselines.get(other.baseline)?.response : there?.response
      return here && answer !== undefined ? [{ pair, size: distance(answer, here.response) }] : []
    })
    const changed = sized.filter(({ size }) => size > 0).sort((a, b) => b.size - a.size)
    return { pairs: changed.map(({ pair }) => pair), known: sized.length }
  }, [by, pairs, other, metric, texts])
}
