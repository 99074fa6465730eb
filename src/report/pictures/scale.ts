import { constant, type Markup, markup } from '../markup.js'
import { type Colour, ink, round, text } from './look.js'

/** Values that stand beside each other on an axis, and where they are drawn. */
export interface Scale {
  low: number
  high: number
  /** From value to user units. */
  at: (value: number) => number
}

/** A linear scale; a range without width is put into the middle. */
export const scale = (low: number, high: number, from: number, to: number): Scale => ({
  low,
  high,
  at: value => from + (high > low ? (value - low) / (high - low) : 0.5) * (to - from),
})

/** The smallest range that holds all values and the given one. */
export function range(values: Iterable<number | null>, [low, high]: readonly [number, number]): [number, number] {
  for (const v of values)
    if (v !== null) {
      if (v < low) low = v
      if (v > high) high = v
    }
  return [low, high]
}

/** Round numbers in [low, high], about `wanted` of them, in steps of 1, 2 or 5 times a power of ten, `least` or more. */
export function ticks(low: number, high: number, wanted: number, least = 0): number[] {
  const raw = (high - low || 1) / wanted
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = Math.max(least, power * ([1, 2, 5].find(m => m * power >= raw) ?? 10))
  // A bound may miss its multiple of the step by a rounding error.
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step)
}

/** Rules across, with their values at the left. */
export const yAxis = (
  y: Scale,
  left: number,
  right: number,
  wanted = 5,
  of = (v: number) => String(+v.toPrecision(6)),
) =>
  ticks(y.low, y.high, wanted).map(
    v =>
      markup`<path d="M${round(left)} ${round(y.at(v))}H${round(right)}" ${ink({ stroke: 'rule' })}/>${text(left - 6, y.at(v) + 4, of(v), { anchor: 'end', colour: 'quiet' })}`,
  )

/** Values under the plot. */
export const xAxis = (x: Scale, bottom: number, wanted = 8): Markup[] =>
  ticks(x.low, x.high, wanted, 1).map(n => text(x.at(n), bottom + 16, n, { anchor: 'middle', colour: 'quiet' }))

/** A name of the upright axis, turned. */
export const yName = (name: string, x: number, y: number): Markup =>
  text(x, y, name.length > 24 ? `${name.slice(0, 23)}…` : name, { anchor: 'middle', colour: 'quiet', turned: -90 })

/** How a line is drawn. */
export interface LineLook {
  colour: Colour
  width?: number
  dash?: string
}

/**
 * A line through values at x = from, from + 1, …; a null leaves a gap and a lone value becomes a dot. Where more than
 * two values fall on one unit, the first, least, greatest and last of each unit are drawn: it looks the same.
 */
export function line(values: readonly (number | null)[], x: Scale, y: Scale, look: LineLook, from = x.low): Markup {
  const { colour, width = 2, dash } = look
  const dashed = dash ? ` stroke-dasharray="${dash}"` : ''
  return markup`<path d="${pathOf(values, x, y, from)}" ${ink({ stroke: colour })} stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"${constant(dashed)}/>`
}

function pathOf(values: readonly (number | null)[], x: Scale, y: Scale, from: number): string {
  const dense = (x.high - x.low) / Math.abs(x.at(x.high) - x.at(x.low) || 1) > 2
  let path = ''
  let pen = 'M'
  const to = (px: number, py: number) => {
    path += `${pen}${round(px)} ${round(py)}`
    pen = 'L'
  }
  for (let i = 0; i < values.length; ) {
    const value = values[i] ?? null
    if (value === null) {
      pen = 'M'
      i++
      continue
    }
    if (!dense) {
      to(x.at(from + i), y.at(value))
      // An all but empty line with round ends is a dot.
      if ((values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null) path += 'h.01'
      i++
      continue
    }
    const column = Math.floor(x.at(from + i))
    let [least, most, last] = [value, value, value]
    for (i++; i < values.length && (values[i] ?? null) !== null && Math.floor(x.at(from + i)) === column; i++) {
      last = values[i]!
      if (last < least) least = last
      if (last > most) most = last
    }
    const ends = [value, least, most, last].map(v => round(y.at(v)))
    for (const [k, py] of ends.entries()) if (k === 0 || py !== ends[k - 1]) to(column, py)
  }
  return path
}

/** The ground between two lines. */
export function band(low: readonly (number | null)[], high: readonly (number | null)[], x: Scale, y: Scale): Markup {
  const step = Math.max(1, Math.floor((x.high - x.low) / Math.abs(x.at(x.high) - x.at(x.low) || 1)))
  const kept = low.flatMap((v, i) => (v !== null && (high[i] ?? null) !== null && i % step === 0 ? [i] : []))
  if (kept.length < 2) return markup``
  const point = (i: number, of: readonly (number | null)[]) => `${round(x.at(x.low + i))} ${round(y.at(of[i]!))}`
  const there = kept.map(i => point(i, low))
  const back = kept.toReversed().map(i => point(i, high))
  return markup`<path d="M${[...there, ...back].join('L')}Z" ${ink({ fill: 'quiet' })} fill-opacity="0.16"/>`
}

/** What stands at the end of a line. */
export interface EndLabel {
  text: string
  /** Where the line ends. */
  y: number
  colour: Colour
  bold?: boolean
}

/** Names at the right ends of lines, pushed apart so that none covers another, within top … bottom. */
export function endLabels(labels: readonly EndLabel[], x: number, top: number, bottom: number): Markup[] {
  const HIGH = 15
  const sorted = labels.map(label => ({ ...label })).sort((a, b) => a.y - b.y)
  for (const [k, label] of sorted.entries()) label.y = Math.max(label.y, k > 0 ? sorted[k - 1]!.y + HIGH : top)
  for (const [k, label] of sorted.toReversed().entries())
    label.y = Math.min(label.y, k > 0 ? sorted[sorted.length - k]!.y - HIGH : bottom)
  return sorted.map(label =>
    text(x, label.y + 4, label.text, { colour: label.colour, ...(label.bold ? { bold: true } : {}) }),
  )
}
