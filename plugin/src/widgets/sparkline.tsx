import { usePanel, useRun, useView } from '../context.js'
import { lineOf, metricOf, scoreOf } from '../model/shown.js'

const [WIDTH, HEIGHT, POINTS] = [300, 48, 100]

/** The running mean of the score, small: all that a side bar has room for. */
export function Sparkline() {
  const { trans: t } = usePanel()
  const run = useRun()
  const view = useView()
  const metric = metricOf(run, view)
  const scores = lineOf(run, view).flatMap(point => scoreOf(point, metric) ?? [])
  const shown = Array.from({ length: Math.min(POINTS, scores.length) }, (_, i) => {
    const end = Math.ceil(((i + 1) * scores.length) / Math.min(POINTS, scores.length))
    const last = scores.slice(Math.max(0, end - view.window), end)
    return last.reduce((sum, score) => sum + score, 0) / last.length
  })
  if (shown.length < 2) return null
  const [low, high] = [Math.min(0, ...shown), Math.max(1, ...shown)]
  const at = (mean: number, i: number) =>
    `${((i / (shown.length - 1)) * WIDTH).toFixed(1)},${(HEIGHT - 2 - ((mean - low) / (high - low)) * (HEIGHT - 4)).toFixed(1)}`
  return (
    <svg
      {...{ className: 'lh-Sparkline', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' }}
      data-lh="sparkline"
      aria-label={t.__('%1, mean of the last %2: %3', metric, view.window, shown.at(-1)!.toFixed(2))}
    >
      <polyline points={shown.map(at).join(' ')} fill="none" stroke="currentColor" vectorEffect="non-scaling-stroke" />
    </svg>
  )
}
