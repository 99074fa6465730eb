import { useMemo } from 'react'
import { useRun, useView } from '../../context.js'
import { byScore, type Joined, join, metricRows, type Other, type Pair, type Row } from '../../model/compare.js'
import { baselineOf, branchOf, lineOf, metricOf } from '../../model/shown.js'
import { distance } from '../../model/worddiff.js'
import { useDetails } from '../example/use-example.js'

/** What the branch that is looked at is compared with, and how it came out. */
export interface Comparison extends Joined {
  branch: string
  other: Other
  /** Name of the other. */
  name: string
  metric: string | null
}

/** The other branch that was picked, else the baseline; null if there is neither. */
export function useJoined(): Comparison | null {
  const run = useRun()
  const view = useView()
  const [branch, line, metric] = [branchOf(run, view), lineOf(run, view), metricOf(run, view)]
  const against = view.against.find(name => name !== branch && run.branches.some(known => known.name === name))
  const baseline = baselineOf(run, view)
  // Lines grow in place: the version stands for them.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  return useMemo(() => {
    const name = against ?? baseline
    if (name === null) return null
    const other: Other = against === undefined ? { baseline: name } : { branch: name, line: run.line(name) }
    return { branch, other, name, metric, ...join(line, other) }
  }, [branch, line, against, baseline, metric, run.version])
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
