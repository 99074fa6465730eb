import { runningMean } from '../../record/curve.js'
import { type Markup, markup } from '../markup.js'
import { type Colour, clean, ink, type Picture, round, text, widthOf } from './look.js'
import { fork, glyph, type LegendEntry, legend, marks, OUTCOMES, pencil, probe, stripOf } from './marks.js'
import {
  band,
  type EndLabel,
  endLabels,
  type LineLook,
  line,
  range,
  type Scale,
  scale,
  xAxis,
  yAxis,
  yName,
} from './scale.js'
import type { TimelineData } from './timeline-data.js'

/** Other branches that are drawn; more are only counted. */
const MOST_BRANCHES = 5
const BRANCHES: LineLook[] = [
  { colour: 'green', dash: '7 5' },
  { colour: 'violet', dash: '2 4' },
  { colour: 'brown', dash: '7 4 1 4' },
  { colour: 'green', dash: '3 3' },
  { colour: 'violet', dash: '9 3' },
].map(look => ({ ...look, width: 1.5 }) as LineLook)
/** The first baseline is dotted, always. */
const BASELINES = ['0 5', '8 4', '8 4 1 4']
/** How the i-th baseline is drawn. */
export const baselineLook = (i: number): LineLook => ({
  colour: 'quiet',
  width: i === 0 ? 2.5 : 1.5,
  dash: BASELINES[Math.min(i, BASELINES.length - 1)]!,
})

/** Examples that the running mean of a timeline is over. */
export const windowOf = (examples: number): number => Math.min(50, Math.max(5, Math.round(examples / 8)))

/**
 * A run at a glance: a mark for each example by outcome and score, running means of adapter, baselines and other
 * branches (what they share with this one is drawn once), edits of callables and forks as marks above, probes as ◇.
 *
 * Linear in the number of examples; the drawing does not grow beyond what its size can show.
 */
export function timeline(data: TimelineData, { width = 860, height = 290 } = {}): Picture {
  const { metric, adapter, baselines, others, edits, probes, outcomes } = data
  const count = Math.max(adapter.scores.length, ...others.map(({ scores }) => scores.length), 1)
  const window = windowOf(adapter.scores.length)
  const shown = others.slice(0, MOST_BRANCHES)
  const own = others.length > 0 ? data.branch : adapter.name
  const names = [own, ...baselines.map(b => b.name), ...shown.map(b => b.name)]
  const room = Math.min(150, Math.max(70, ...names.map(name => widthOf(short(name)) + 40)))
  const plot = { left: 46, right: width - room, top: edits.length + shown.length > 0 ? 26 : 10, bottom: height - 58 }

  const known = [adapter, ...baselines, ...shown].flatMap(({ scores }) => scores)
  // Scores nearly always lie in 0..1; the axis shows that range, and more where they do not.
  const [low, high] = range(
    known,
    range(
      probes.map(p => p.score),
      [0, 1],
    ),
  )
  const x = scale(0, count - 1, plot.left + 4, plot.right - 4)
  const y = scale(low, high, plot.bottom, plot.top)

  const mean = runningMean(adapter.scores, window)
  const error = errorOf(adapter.scores, mean, window)
  const baselineMeans = baselines.map(({ scores }) => runningMean(scores, window))
  const branchMeans = shown.map(({ scores }) => runningMean(scores, window))
  const labels: EndLabel[] = [
    ...endOf(own, mean, y, 'text', true),
    ...baselines.flatMap(({ name }, i) => endOf(name, baselineMeans[i]!, y, 'quiet')),
    ...shown.flatMap(({ name }, i) => endOf(name, branchMeans[i]!, y, BRANCHES[i]!.colour)),
  ]
  const strip = stripOf(adapter.scores, plot.right - plot.left)
  const body = markup`${metric === null ? '' : yAxis(y, plot.left, plot.right)}${xAxis(x, plot.bottom)}
${text((plot.left + plot.right) / 2, plot.bottom + 32, 'example', { anchor: 'middle', colour: 'quiet' })}
${metric === null ? text(plot.left, plot.top + 12, outcomes.length === 0 ? 'No example was finished.' : 'Nothing was scored; marks are outcomes.', { colour: 'quiet' }) : yName(metric, 12, (plot.top + plot.bottom) / 2)}
${flags(edits, shown, x, plot)}
${band(shifted(mean, error, -1, y), shifted(mean, error, 1, y), x, y)}
${marks(
  outcomes.map((outcome, i) => {
    const place = placeOf(adapter.scores[i] ?? null, y, plot, metric)
    return { outcome, x: x.at(i), y: place + strip(outcome, place < (plot.top + plot.bottom) / 2) }
  }),
  plot.right - plot.left,
)}
${baselineMeans.map((values, i) => line(values, x, y, baselineLook(i)))}
${branchMeans.map((values, i) => line(values.slice(Math.max(0, shown[i]!.at - 1)), x, y, BRANCHES[i]!, Math.max(0, shown[i]!.at - 1)))}
${line(mean, x, y, { colour: 'text' })}
${probes.length > 1 ? line(spread(probes, count), x, y, { colour: 'brown', width: 1 }) : ''}${probes.map(({ at, score }) => probe(x.at(Math.min(at, count - 1)), y.at(score)))}
${endLabels(labels, plot.right + 8, plot.top + 2, plot.bottom)}
${others.length > shown.length ? text(plot.right + 8, plot.bottom + 16, `+ ${others.length - shown.length} branches`, { size: 11, colour: 'quiet' }) : ''}
${legend(legendOf(data, shown.length > 0), plot.left, height - 6, width - plot.left)}`
  const title = `${metric ?? 'Outcomes'} of ${adapter.scores.length} examples, mean over the last ${window}`
  return { width, height, body, title }
}

const short = (name: string): string => clean(name, 13)

/** A line's name and last value, for its end. */
export const endOf = (
  name: string,
  values: readonly (number | null)[],
  y: Scale,
  colour: Colour,
  bold = false,
): EndLabel[] => {
  const last = values.findLast(v => v !== null) ?? null
  return last === null ? [] : [{ text: `${short(name)} ${last.toFixed(2)}`, y: y.at(last), colour, bold }]
}

/** Standard error of each running mean; null where it is over fewer than two scores. Linear. */
function errorOf(scores: readonly (number | null)[], mean: readonly (number | null)[], window: number) {
  const squares = runningMean(
    scores.map(v => (v === null ? null : v * v)),
    window,
  )
  let n = 0
  return scores.map((score, i) => {
    if (score !== null) n = Math.min(window, n + 1)
    return n < 2 ? null : Math.sqrt(Math.max(0, squares[i]! - mean[i]! ** 2) / (n - 1))
  })
}

/** A mean and its error above or below it, within the axis. */
const shifted = (mean: readonly (number | null)[], error: readonly (number | null)[], sign: 1 | -1, y: Scale) =>
  mean.map((v, i) => (v === null || error[i] === null ? null : Math.max(y.low, Math.min(y.high, v + sign * error[i]!))))

/** Height of a mark: its score, or under the axis if it has none. */
const placeOf = (
  score: number | null,
  y: Scale,
  plot: { top: number; bottom: number },
  metric: string | null,
): number => (score !== null ? y.at(score) : metric === null ? (plot.top + plot.bottom) / 2 : plot.bottom + 6)

/** Edits (✎1, ✎2, …) and forks above a plot; each has its hairline, a number gives way where there is no room. */
export function flags(
  edits: readonly number[],
  branches: readonly { at: number; leaves: boolean }[],
  x: Scale,
  { top, bottom }: { top: number; bottom: number },
): Markup {
  const places = [
    ...edits.map((at, i) => ({ at, colour: 'brown' as const, draw: pencil, label: String(i + 1) })),
    ...[...new Set(branches.filter(({ leaves }) => leaves).map(({ at }) => at))].map(at => {
      const colour = BRANCHES[branches.findIndex(branch => branch.leaves && branch.at === at)]!.colour
      return { at, colour, draw: fork, label: '' }
    }),
  ].sort((a, b) => a.at - b.at)
  let free = Number.NEGATIVE_INFINITY
  return markup`${places.map(({ at, colour, draw, label }) => {
    // Between the examples before and after it.
    const px = x.at(Math.max(x.low, Math.min(x.high, at - 0.5)))
    const place = Math.max(px, free)
    const fits = place - px < 20
    if (fits) free = place + 16 + widthOf(label, 11)
    return markup`<path d="M${round(px)} ${top - 6}V${bottom}" ${ink({ stroke: colour })} stroke-opacity="0.7"/>${
      fits ? markup`${draw(place + 1, top - 14, colour)}${text(place + 8, top - 9, label, { size: 11, colour })}` : ''
    }`
  })}`
}

/** Probes as values of a line over all positions between the first and last of them. */
function spread(probes: readonly { at: number; score: number }[], count: number): (number | null)[] {
  const values: (number | null)[] = Array(count).fill(null)
  for (const [i, { at, score }] of probes.entries()) {
    const next = probes[i + 1]
    const end = Math.min(count - 1, next?.at ?? at)
    for (let k = Math.min(at, count - 1); k <= end; k++)
      values[k] = next && next.at > at ? score + ((next.score - score) * (k - at)) / (next.at - at) : score
  }
  return values
}

function legendOf({ outcomes, edits, probes, adapter }: TimelineData, forks: boolean): LegendEntry[] {
  const seen = new Set(outcomes)
  const mean = `mean of the last ${windowOf(adapter.scores.length)}, ± its standard error`
  return [
    ...OUTCOMES.filter(kind => seen.has(kind)).map(kind => ({
      name: kind,
      draw: (x: number, y: number) => glyph(kind, x, y),
    })),
    ...(edits.length > 0 ? [{ name: 'edited', draw: (x: number, y: number) => pencil(x, y) }] : []),
    ...(forks ? [{ name: 'fork', draw: (x: number, y: number) => fork(x, y) }] : []),
    ...(probes.length > 0 ? [{ name: 'probes', draw: probe }] : []),
    ...(adapter.scores.some(score => score !== null)
      ? [
          {
            name: mean,
            draw: (x: number, y: number) =>
              markup`<path d="M${round(x - 5)} ${round(y)}h10" ${ink({ stroke: 'text' })} stroke-width="2"/>`,
          },
        ]
      : []),
  ]
}
