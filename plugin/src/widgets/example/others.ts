import type { TimelinePoint } from 'lora-harness/protocol'
import { useRun, useView } from '../../context.js'
import { baselineOf, baselineScoreOf, branchOf, lineOf, metricOf, scoreOf } from '../../model/shown.js'
import type { Shown } from './shown.js'
import { useExample } from './use-example.js'

/** Another answer to the same question, or another example beside this one. */
export interface OtherAnswer {
  id: string
  kind: 'baseline' | 'branch' | 'example'
  name: string
  /** Null while it is on its way. */
  response: string | null
  error: string | null
  score: number | null
  /** From before the branches parted: it is the same answer. */
  shared: boolean
  /** Its point; the same as the example's for a baseline. */
  point: TimelinePoint
}

/** What the answer of an example is shown beside: its baselines, the same example of another branch, a second example. */
export function useOthers({ branch, point, step }: Pick<Shown, 'branch' | 'point' | 'step'>): OtherAnswer[] {
  const run = useRun()
  const view = useView()
  const metric = metricOf(run, view)
  const first = baselineOf(run, view)
  const against = view.against.find(name => name !== branch && run.branches.some(known => known.name === name))
  const there = against === undefined ? undefined : run.line(against).findLast(({ key }) => key === point.key)
  const second = view.other === null || view.other === point.index ? undefined : lineOf(run, view)[view.other]
  const [thereKnown, secondKnown] = [useExample(against ?? branch, there), useExample(branchOf(run, view), second)]
  const baselines = Object.entries(step.baselines).map(
    ([name, { response }]): OtherAnswer => ({
      ...{ id: `baseline ${name}`, kind: 'baseline', name, response, error: null, shared: false, point },
      score: baselineScoreOf(point, name, metric),
    }),
  )
  const answerOf = (
    kind: 'branch' | 'example',
    name: string,
    of: TimelinePoint | undefined,
    known: ReturnType<typeof useExample>,
  ): OtherAnswer[] =>
    of
      ? [
          {
            ...{ id: `${kind} ${name}`, kind, name, response: known.step?.response ?? null, error: known.error },
            ...{ score: scoreOf(of, metric), shared: of === point, point: of },
          },
        ]
      : []
  return [
    ...answerOf('example', `#${second?.index}`, second, secondKnown),
    ...answerOf('branch', against ?? '', there, thereKnown),
    // The one that differences are against comes first.
    ...baselines.filter(({ name }) => name === first),
    ...baselines.filter(({ name }) => name !== first),
  ]
}
