import type { Outcome } from '../protocol/index.js'
import { type Markup, markup } from './markup.js'

/** One line of a chart; nulls leave a gap. The first line is drawn solid, the second dotted, others dashed. */
export interface Line {
  name: string
  values: readonly (number | null)[]
}

/** One example as a mark; its shape is its outcome. */
export interface Mark {
  index: number
  value: number
  outcome: Outcome['kind']
  /** Shown as a tooltip. */
  title: string
}

export interface Chart {
  /** Read out instead of the picture. */
  title: string
  xLabel: string
  /** What the axis calls the first value: 0 by default. */
  xFirst?: number
  yLabel: string
  lines: readonly Line[]
  marks?: readonly Mark[]
}

const WIDTH = 860 // user units; the page scales the whole
const HEIGHT = 260
const PLOT = { left: 46, right: WIDTH - 150, top: 12, bottom: HEIGHT - 38 }
/** Marks that fall into one cell of this size and have one outcome are drawn once. */
const CELL = 4

/**
 * A static chart as SVG: lines over the examples with their names at the right end, and a mark for each example.
 *
 * Looks come from classes (`chartStyle`), so one drawing serves light, dark and print; outcomes differ by shape and
 * lines by dash, so it can be read without colour.
 */
export function renderChart({ title, xLabel, xFirst = 0, yLabel, lines, marks = [] }: Chart): Markup {
  const count = Math.max(1, ...lines.map(line => line.values.length))
  const known = [...lines.flatMap(line => line.values), ...marks.map(mark => mark.value)].filter(v => v !== null)
  // Scores nearly always lie in 0..1; the axis shows that range, and more where they do not.
  const [low, high] = known.reduce(([lo, hi], v) => [Math.min(lo, v), Math.max(hi, v)], [0, 1] as [number, number])
  const x = (i: number) => PLOT.left + (count === 1 ? 0.5 : i / (count - 1)) * (PLOT.right - PLOT.left)
  const y = (v: number) => PLOT.bottom - ((v - low) / (high - low)) * (PLOT.bottom - PLOT.top)

  return markup`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
${ticks(low, high, 5).map(v => horizontalTick(y(v), v))}
${ticks(xFirst, xFirst + count - 1, 8, 1).map(n => verticalTick(x(n - xFirst), n))}
<text class="axis" x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${xLabel}</text>
<text class="axis" x="12" y="${(PLOT.top + PLOT.bottom) / 2}" text-anchor="middle" transform="rotate(-90 12 ${(PLOT.top + PLOT.bottom) / 2})">${yLabel}</text>
<g class="marks">${thinned(marks, x, y).map(mark => glyph(x(mark.index), y(mark.value), mark))}</g>
${lines.map((line, i) => markup`<path class="line ${lineClass(i)}" d="${pathOf(line.values, x, y)}"/>`)}
${endLabels(lines, y)}
</svg>`
}

const lineClass = (i: number): string => `line-${Math.min(i, 4)}`

const number = (v: number): string => String(+v.toFixed(2))

const horizontalTick = (y: number, v: number): Markup =>
  markup`<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${number(y)}" y2="${number(y)}"/><text class="axis" x="${PLOT.left - 6}" y="${number(y + 4)}" text-anchor="end">${+v.toPrecision(6)}</text>`

const verticalTick = (x: number, n: number): Markup =>
  markup`<text class="axis" x="${number(x)}" y="${PLOT.bottom + 16}" text-anchor="middle">${n}</text>`

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

/** An SVG path through the values; starts anew after each gap, and a lone value becomes a dot (round caps). */
function pathOf(values: readonly (number | null)[], x: (i: number) => number, y: (v: number) => number): string {
  let pen = 'M'
  return values
    .map((v, i) => {
      if (v === null) {
        pen = 'M'
        return ''
      }
      const to = `${pen}${number(x(i))} ${number(y(v))}${pen === 'M' && (values[i + 1] ?? null) === null ? 'h0' : ''}`
      pen = 'L'
      return to
    })
    .join('')
}

/** Names and last values at the right end, pushed apart so that none covers another. */
function endLabels(lines: readonly Line[], y: (v: number) => number): Markup[] {
  const labels = lines
    .map((line, i) => ({ line, i, value: line.values.findLast(v => v !== null) ?? null }))
    .filter(label => label.value !== null)
    .map(label => ({ ...label, at: y(label.value!) }))
    .sort((a, b) => a.at - b.at)
  labels.forEach((label, k) => {
    if (k > 0) label.at = Math.max(label.at, labels[k - 1]!.at + 15)
  })
  return labels.map(({ line, i, value, at }) => {
    const name = line.name.length > 14 ? `${line.name.slice(0, 13)}…` : line.name
    return markup`<text class="label ${lineClass(i)}" x="${PLOT.right + 8}" y="${number(at + 4)}">${name} ${value!.toFixed(2)}</text>`
  })
}

/** At most one mark for each cell and outcome; failed examples are all kept, and drawn last. */
function thinned(marks: readonly Mark[], x: (i: number) => number, y: (v: number) => number): Mark[] {
  const cells = new Map<string, Mark>()
  for (const mark of marks) {
    const cell = [x(mark.index), y(mark.value)].map(v => Math.round(v / CELL))
    cells.set(mark.outcome === 'failed' ? `failed ${mark.index}` : `${mark.outcome} ${cell}`, mark)
  }
  return [...cells.values()].sort((a, b) => Number(a.outcome === 'failed') - Number(b.outcome === 'failed'))
}

/** The shapes of the outcomes, drawn around (0, 0): filled circle, open circle, bar, cross. */
const SHAPES: Record<Outcome['kind'], string> = {
  updated: 'M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0',
  unchanged: 'M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0',
  skipped: 'M-4 0h8',
  failed: 'M-3.5 -3.5l7 7m0 -7l-7 7',
}

const glyph = (x: number, y: number, mark: Mark): Markup =>
  markup`<path class="mark ${mark.outcome}" transform="translate(${number(x)} ${number(y)})" d="${SHAPES[mark.outcome]}"><title>${mark.title}</title></path>`

/** The same shape in running text, for legends and lists. */
export const outcomeIcon = (outcome: Outcome['kind']): Markup =>
  markup`<svg class="icon" viewBox="-6 -6 12 12" aria-hidden="true"><path class="mark ${outcome}" d="${SHAPES[outcome]}"/></svg>`

/** Style sheet of the charts; colours are the page's custom properties, checked for contrast in both themes. */
export const chartStyle = `
.chart { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
.chart .grid { stroke: var(--rule); }
.chart .axis { fill: var(--quiet); }
.line { fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
path.line-0 { stroke: var(--text); } text.line-0 { fill: var(--text); font-weight: 600; }
path.line-1 { stroke: var(--quiet); stroke-dasharray: 0 5; stroke-width: 2.5; } text.line-1 { fill: var(--quiet); }
path.line-2 { stroke: var(--green); stroke-dasharray: 7 5; } text.line-2 { fill: var(--green); }
path.line-3 { stroke: var(--violet); stroke-dasharray: 2 5; } text.line-3 { fill: var(--violet); }
path.line-4 { stroke: var(--brown); stroke-dasharray: 7 5 1 5; } text.line-4 { fill: var(--brown); }
.mark { stroke-width: 1.5; fill: none; }
.mark.updated { fill: var(--updated); stroke: none; }
.mark.unchanged { stroke: var(--quiet); }
.mark.skipped { stroke: var(--quiet); stroke-width: 3; }
.mark.failed { stroke: var(--failed); stroke-width: 2; }
.marks .mark.updated { fill-opacity: 0.55; }
.icon { width: 12px; height: 12px; vertical-align: -1px; }
`
