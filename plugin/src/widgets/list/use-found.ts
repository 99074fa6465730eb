import type { Annotation, TimelinePoint } from 'lora-harness/protocol'
import { useDeferredValue, useMemo } from 'react'
import { useRun, useView } from '../../context.js'
import { ownerOf } from '../../model/details.js'
import { annotationsOf, type Found, find, knownOf, placeOf, type Query } from '../../model/filter.js'
import { baselineOf, branchOf, lineOf, metricOf } from '../../model/shown.js'
import { useDetails } from '../example/use-example.js'

/** The list of examples as the view asks for it. */
export interface List extends Found {
  branch: string
  line: readonly TimelinePoint[]
  query: Query
  /** A person's words on an example. */
  annotation(point: TimelinePoint): Annotation | undefined
  /** All words of persons. */
  annotations: Map<string, Annotation>
}

export function useFound(): List {
  const run = useRun()
  const view = useView()
  const details = useDetails()
  const [branch, line] = [branchOf(run, view), lineOf(run, view)]
  // Typing goes on while a long list is searched.
  const search = useDeferredValue(view.search)
  const { outcomes, chat, tag, onlyDifferent, onlyWorse, sort } = view
  const [metric, baseline] = [metricOf(run, view), baselineOf(run, view)]
  const annotations = useMemo(() => annotationsOf(run.events), [run.events])
  const texts = search.trim() !== '' || onlyDifferent ? details.version : 0
  // The line grows in place: its version stands for it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above; `texts` stands for what details know.
  return useMemo(() => {
    const query = { outcomes, chat, tag, onlyDifferent, onlyWorse, sort, search, metric, baseline }
    const annotation = (point: TimelinePoint) =>
      annotations.size === 0 ? undefined : annotations.get(placeOf(ownerOf(run, branch, point.index), point.index))
    return { ...find(line, query, knownOf(run, branch, annotations)), branch, line, query, annotation, annotations }
  }, [
    ...[outcomes, chat, tag, onlyDifferent, onlyWorse, sort, search, metric, baseline],
    ...[annotations, branch, line, run.version, texts],
  ])
}
