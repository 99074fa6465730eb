import { markup } from '../markup.js'
import { type Picture, text } from './look.js'
import { endLabels, line, range, scale, xAxis, yAxis, yName } from './scale.js'
import { baselineLook, endOf } from './timeline.js'

/** A chart of lines that share an axis. */
export interface Lines {
  title: string
  x: string
  y: string
  /** What the axis calls the first value. */
  first: number
  /** The adapter first, drawn solid; then the baselines. */
  lines: readonly { name: string; values: readonly (number | null)[] }[]
}

/** Lines with their names and last values at the right end; the axis shows 0 to 1, and more where values lie outside. */
export function lineChart(
  { title, x: xLabel, y: yLabel, first, lines }: Lines,
  { width = 860, height = 240 } = {},
): Picture {
  const count = Math.max(1, ...lines.map(({ values }) => values.length))
  const plot = { left: 46, right: width - 150, top: 10, bottom: height - 40 }
  const [low, high] = range(
    lines.flatMap(({ values }) => values),
    [0, 1],
  )
  const x = scale(first, first + count - 1, plot.left + 4, plot.right - 4)
  const y = scale(low, high, plot.bottom, plot.top)
  const look = (i: number) => (i === 0 ? { colour: 'text' as const } : baselineLook(i - 1))
  const body = markup`${yAxis(y, plot.left, plot.right)}${xAxis(x, plot.bottom)}
${text((plot.left + plot.right) / 2, height - 6, xLabel, { anchor: 'middle', colour: 'quiet' })}${yName(yLabel, 12, (plot.top + plot.bottom) / 2)}
${lines.map(({ values }, i) => line(values, x, y, look(i))).reverse()}
${endLabels(
  lines.flatMap(({ name, values }, i) => endOf(name, values, y, look(i).colour, i === 0)),
  plot.right + 8,
  plot.top + 2,
  plot.bottom,
)}`
  return { width, height, body, title }
}
