import { runningMean } from '../../record/curve.js'
import { type Markup, markup } from '../markup.js'
import { clean, HEAT_STEPS, heat, ink, type Picture, round, text, widthOf } from './look.js'
import { type EndLabel, endLabels, line, range, type Scale, scale, xAxis, yAxis, yName } from './scale.js'
import { flags, windowOf } from './timeline.js'
import type { TimelineData } from './timeline-data.js'

/** How to read the picture of `way`. */
export const WAY_AID =
  'Ticks up build on earlier learning, ticks down undo it, short ones go sideways; a growing line with a flat score is drift.'

/** One update of an adapter. */
export interface Move {
  /** Index of the example. */
  at: number
  /** ‖ΔW_t − ΔW_{t−1}‖ */
  step: number
  /** Cosine of this step and ΔW_{t−1}, what was learned before; null if that is nothing. */
  onward: number | null
}

/** The way of the adapters of a branch along its examples. */
export interface WayData {
  /** ‖ΔW‖ of an adapter after each example that was answered with it or left it behind; one line for each chat's adapter. */
  lines: { name: string; norms: (number | null)[] }[]
  moves: Move[]
  /** How many updates there were; `moves` are some of them if there were many. */
  updates: number
}

/** Lines that are drawn; more would hide each other. */
const MOST_LINES = 8

/**
 * The way of a branch's adapters: their norms, a tick for each update (pale: its whole length, solid: the part of it
 * along what was learned before, up for onward and down for back), and the score below. Edits are drawn through all.
 */
export function way(data: WayData, scores: TimelineData, { width = 860, height = 420 } = {}): Picture {
  const count = Math.max(1, scores.adapter.scores.length)
  const window = windowOf(count)
  const lines = data.lines.slice(0, MOST_LINES)
  const room = Math.min(150, Math.max(80, ...lines.map(({ name }) => widthOf(clean(name, 13)) + 12)))
  const [left, right] = [58, width - room]
  const x = scale(0, count - 1, left + 4, right - 4)
  const space = height - 66
  const norm = { top: 24, bottom: 24 + space * 0.4 }
  const move = { top: norm.bottom + 18, bottom: norm.bottom + 18 + space * 0.28 }
  const score = { top: move.bottom + 18, bottom: height - 40 }

  const [, mostNorm] = range(
    lines.flatMap(({ norms }) => norms),
    [0, 0],
  )
  const yNorm = scale(0, mostNorm || 1, norm.bottom, norm.top)
  const mostStep = Math.max(0, ...data.moves.map(({ step }) => step)) || 1
  const yMove = scale(-mostStep, mostStep, move.bottom, move.top)
  const means = [scores.adapter, ...scores.baselines.slice(0, 1)].map(arm => runningMean(arm.scores, window))
  const [low, high] = range(means.flat(), [0, 1])
  const yScore = scale(low, high, score.bottom, score.top)
  const precise = (v: number) => String(+v.toPrecision(3))
  const ends: EndLabel[] = lines.flatMap(({ name, norms }) => {
    const last = norms.findLast(v => v !== null) ?? null
    return last === null ? [] : [{ text: clean(name, 13), y: yNorm.at(last), colour: 'text' as const }]
  })
  const body = markup`${yAxis(yNorm, left, right, 4, precise)}${yName('‖ΔW‖', 12, (norm.top + norm.bottom) / 2)}
${yAxis(yMove, left, right, 4, precise)}${yName('step', 12, (move.top + move.bottom) / 2)}
${scores.metric === null ? '' : markup`${yAxis(yScore, left, right, 2)}${yName(scores.metric, 12, (score.top + score.bottom) / 2)}`}
${flags(scores.edits, [], x, { top: norm.top + 2, bottom: score.bottom })}
${lines.map(({ norms }, i) => line(held(norms), x, yNorm, { colour: i % 2 === 0 ? 'text' : 'quiet', width: lines.length > 1 ? 1.5 : 2 }))}
${moves(data.moves, x, yMove)}
${means.map((values, i) => line(values, x, yScore, i === 0 ? { colour: 'text' } : { colour: 'quiet', width: 2.5, dash: '0 5' }))}
${lines.length > 1 ? endLabels(ends, right + 8, norm.top, norm.bottom) : ''}
${text(right + 8, yMove.at(mostStep) + 10, 'onward', { size: 11, colour: 'quiet' })}${text(right + 8, yMove.at(-mostStep), 'back', { size: 11, colour: 'quiet' })}
${endLabels(
  means.flatMap((values, i) => {
    const last = values.findLast(v => v !== null) ?? null
    const name = i === 0 ? 'adapter' : clean(scores.baselines[0]!.name, 12)
    const colour = i === 0 ? ('text' as const) : ('quiet' as const)
    return last === null ? [] : [{ text: name, y: yScore.at(last), colour }]
  }),
  right + 8,
  score.top,
  score.bottom,
)}
${data.lines.length > lines.length ? text(right + 8, norm.top - 6, `+ ${data.lines.length - lines.length} more`, { size: 11, colour: 'quiet' }) : ''}
${xAxis(x, score.bottom)}${text((left + right) / 2, height - 6, 'example', { anchor: 'middle', colour: 'quiet' })}`
  const title = `Norm of the adapter, direction of ${data.moves.length} updates, and mean ${scores.metric ?? 'score'} along ${count} examples`
  return { width, height, body, title }
}

/** Values that stay as they are until the next one. */
function held(values: readonly (number | null)[]): (number | null)[] {
  let last: number | null = null
  return values.map(v => {
    last = v ?? last
    return last
  })
}

function moves(of: readonly Move[], x: Scale, y: Scale): Markup {
  const zero = y.at(0)
  const whole = of.map(({ at, step, onward }) => tick(x.at(at), zero, y.at((onward ?? 1) < 0 ? -step : step)))
  const along = (up: boolean) =>
    of.flatMap(({ at, step, onward }) =>
      (onward ?? 1) >= 0 === up ? [tick(x.at(at), zero, y.at(step * (onward ?? 1)))] : [],
    )
  const width = Math.max(1.5, Math.min(4, (x.at(1) - x.at(0)) * 0.6))
  return markup`<path d="${whole.join('')}" ${ink({ stroke: 'quiet' })} stroke-opacity="0.35" stroke-width="${width}"/>
<path d="${along(true).join('')}" ${ink({ stroke: 'updated' })} stroke-width="${width}"/>
<path d="${along(false).join('')}" ${ink({ stroke: 'failed' })} stroke-width="${width}"/>`
}

const tick = (x: number, zero: number, end: number): string => `M${round(x)} ${round(zero)}V${round(end)}`

/** How to read the picture of `cosines`. */
export const COSINES_AID =
  'Each number is the cosine between what two branches learned: 1 the same direction, 0 unrelated, below 0 opposed.'

/** ⟨ΔW_a, ΔW_b⟩/(‖ΔW_a‖‖ΔW_b‖) between the adapters of branches, as a table of numbers. */
export function cosines(names: readonly string[], values: readonly (readonly (number | null)[])[]): Picture {
  const [edge, row, left, top] = [64, 28, 120, 24]
  const body = markup`${names.map((name, i) => markup`${text(left - 8, top + i * row + 18, clean(name, 14), { anchor: 'end' })}${text(left + i * edge + edge / 2, top - 8, clean(name, 9), { size: 11, anchor: 'middle' })}`)}
${values.map((of, i) =>
  of.map((v, j) => {
    const strength = v === null ? 0 : Math.round(Math.abs(v) * (HEAT_STEPS / 3))
    const [px, py] = [left + j * edge, top + i * row]
    return markup`<rect x="${px}" y="${py}" width="${edge - 1}" height="${row - 1}" ${strength === 0 ? ink({ fill: 'raised' }) : heat(Math.min(3, strength - 1))}/>${text(px + edge / 2, py + 18, v === null ? '–' : v.toFixed(2).replace('-', '−'), { anchor: 'middle' })}`
  }),
)}`
  return {
    width: left + names.length * edge + 4,
    height: top + names.length * row + 4,
    body,
    title: 'Cosines between the adapters of branches',
  }
}
