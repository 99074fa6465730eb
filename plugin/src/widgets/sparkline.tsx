import { usePanel, useRun, useView } from '../context.js'
import { recentScore } from '../model/numbers.js'
import { branchOf, lineOf, metricOf } from '../model/shown.js'
import { usePaced } from './paced.js'

const [WIDTH, HEIGHT, POINTS] = [300, 48, 100]

/** The running mean of the score, small: all that a side bar has room for. */
export function Sparkline() {
  const { trans: t } = usePanel()
  const run = useRun()
  const view = useView()
  const metric = metricOf(run, view)
  const line = lineOf(run, view)
  const means = usePaced(JSON.stringify([branchOf(run, view), metric, view.window]), line.length, () =>
    Array.from({ length: Math.min(POINTS, line.length) }, (_, i) => {
      const end = Math.ceil(((i + 1) * line.length) / Math.min(POINTS, line.length))
      return recentScore(line, metric, view.window, end)?.mean ?? null
    }).filter(mean => mean !== null),
  )
  if (means === null || means.length < 2) return null
  const [low, high] = [Math.min(0, ...means), Math.max(1, ...means)]
  const at = (mean: number, i: number) =>
    `${((i / (means.length - 1)) * WIDTH).toFixed(1)},${(HEIGHT - 2 - ((mean - low) / (high - low)) * (HEIGHT - 4)).toFixed(1)}`
  return (
    <svg
      {...{ className: 'lh-Sparkline', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none' }}
      role="img"
      data-lh="sparkline"
      aria-label={t.__('%1, mean of the last %2: %3', metric, view.window, means.at(-1)!.toFixed(2))}
    >
      <polyline points={means.map(at).join(' ')} fill="none" stroke="currentColor" vectorEffect="non-scaling-stroke" />
    </svg>
  )
}
