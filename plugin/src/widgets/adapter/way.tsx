import type { AdapterWay, TimelinePoint } from 'lora-harness/protocol'
import { plural, runningMean, WAY_AID } from 'lora-harness/report'
import { useEffect, useMemo, useRef } from 'react'
import { usePanel, useRun, useView } from '../../context.js'
import { askedOf } from '../../model/adapters.js'
import { rangeOf } from '../../model/moves.js'
import {
  baselineOf,
  baselineScoreOf,
  branchOf,
  indexOf,
  lineOf,
  marksOf,
  metricOf,
  scoreOf,
} from '../../model/shown.js'
import { Chart } from '../chart.js'
import { usePaced } from '../paced.js'
import { Cosines } from './cosines.js'
import { useLatest } from './pair.js'
import { Part } from './part.js'
import { useSeen } from './seen.js'
import { wayFigure } from './way-figure.js'

/** Which way: the path of the branch's adapters along its examples, with the score under it. */
export function Way() {
  const { trans, source, view: panel } = usePanel()
  const run = useRun()
  const view = useView()
  const at = useRef<HTMLDivElement>(null)
  const isSeen = useSeen(at)
  const { paths } = askedOf(source)
  useLatest(paths)
  const last = useRef<{ branch: string; path: AdapterWay } | null>(null)
  const [branch, line, index] = [branchOf(run, view), lineOf(run, view), indexOf(run, view)]
  const key = `${line.length} ${branch}`
  const answer = paths.get(key)
  const cannot = source.cannot('path')
  const isEmpty = line.every(point => point.lora === null)
  useEffect(() => {
    if (!isSeen || isEmpty || cannot !== null) paths.rest()
    else paths.want(key, () => source.ask({ type: 'path', branch }), { patient: last.current?.branch === branch })
  })
  if (answer && 'value' in answer) last.current = { branch, path: answer.value }
  const path = last.current?.branch === branch ? last.current.path : null

  const [metric, baseline] = [metricOf(run, view), baselineOf(run, view)]
  const [from, to] = rangeOf(run, view)
  const { length } = line
  // Means over all examples: too much for each new one of a fast run.
  const scores = usePaced(JSON.stringify([branch, metric, baseline, view.window]), length, () => {
    const mean = (name: string, of: (point: TimelinePoint) => number | null) => ({
      ...{ name, mean: runningMean(line.map(of), view.window) },
    })
    return [
      mean(trans.__('adapter'), point => scoreOf(point, metric)),
      ...(baseline === null ? [] : [mean(baseline, point => baselineScoreOf(point, baseline, metric))]),
    ]
  })
  const figure = useMemo(() => {
    if (!path || !scores) return null
    return wayFigure({
      ...{ path, range: [from, Math.max(to, from + 1)], index, metric, scores },
      marks: marksOf(run, branch),
      words: {
        ...{ onward: trans.__('onward'), back: trans.__('back'), size: '‖ΔW‖', step: trans.__('step') },
        example: trans.__('example'),
      },
    })
    // The run's marks change with its events and branches.
  }, [run, branch, path, from, to, index, metric, scores, run.events, run.branches, trans])

  return (
    <div ref={at}>
      <Part name="way" title={trans.__('Which way')} aid={trans.__(WAY_AID)}>
        {path && figure ? (
          <>
            <Chart
              name="way"
              label={trans.__(
                'Size of the adapter, direction of %1, and mean %2 along %3',
                plural(path.moves.length, 'update'),
                metric ?? trans.__('score'),
                plural(length, 'example'),
              )}
              height={300}
              figure={figure}
              onPick={picked => panel.select(Number(picked))}
            />
            {path.updates > path.moves.length && (
              <p className="lh-Adapter-hint">
                {trans.__('Ticks: %1 of %2 updates, evenly spread.', path.moves.length, path.updates)}
              </p>
            )}
          </>
        ) : (
          <PathWhy
            isEmpty={isEmpty}
            error={answer && 'error' in answer ? answer.error : cannot}
            retry={() => paths.forget(key)}
          />
        )}
      </Part>
      {path?.branches && <Cosines {...path.branches} />}
    </div>
  )
}

function PathWhy({ isEmpty, error, retry }: { isEmpty: boolean; error: string | null; retry: () => void }) {
  const { trans } = usePanel()
  const words = isEmpty
    ? trans.__('No example used or left an adapter.')
    : error === null
      ? trans.__('Reading the adapters along the examples…')
      : trans.__('The path is not shown: %1', error.slice(0, 500))
  return (
    <p className="lh-Adapter-why" data-lh="path-why">
      {words}{' '}
      {!isEmpty && error !== null && (
        <button type="button" onClick={retry}>
          {trans.__('Try again')}
        </button>
      )}
    </p>
  )
}
