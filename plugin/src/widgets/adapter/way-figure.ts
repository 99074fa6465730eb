import type { AdapterWay } from 'lora-harness/protocol'
import { held, thinned, ticksOf } from '../../model/adapters.js'
import type { Mark } from '../../model/shown.js'
import { axis, type Figure } from '../../plotly/draw.js'
import { type Look, plain } from '../../plotly/look.js'

export interface WayOptions {
  path: AdapterWay | null
  /** First and last example that there is room for, inclusive. */
  range: readonly [number, number]
  index: number | null
  metric: string | null
  marks: readonly Mark[]
  /** The adapter first, then a baseline. */
  scores: readonly { name: string; mean: (number | null)[] }[]
  words: { onward: string; back: string; size: string; step: string; example: string }
}

/** Lines that are drawn; more would hide each other. */
const MOST_LINES = 8
/** Marks as paths, in pixels from the top of their line: no font is sure to have them. */
const PENCIL = 'M-4.5,-11L-3.5,-7.5L2.5,-1.5L4.5,-3.5L-1.5,-9.5Z'
const FORK = 'M0,-11L0,-6C0,-3 -3.5,-4 -3.5,-1M0,-6C0,-3 3.5,-4 3.5,-1'
const TOP: [number, number] = [0.64, 0.96]
const MIDDLE: [number, number] = [0.33, 0.59]
const BOTTOM: [number, number] = [0, 0.28]

/** Sizes of the adapters, a tick for each update (pale: its length; solid: the part along what was before), the score. */
export const wayFigure =
  ({ path, range: [first, last], index, metric, marks, scores, words }: WayOptions) =>
  (look: Look): Figure => {
    const [ink, quiet, on, back, rule] = [
      '--jp-ui-font-color1',
      '--lh-quiet',
      '--lh-updated',
      '--lh-failed',
      '--jp-border-color1',
    ].map(look.colour) as [string, string, string, string, string]
    const edit = look.colour('--lh-branch-3')
    const lines = path?.lines.slice(0, MOST_LINES) ?? []
    const ticks = ticksOf(path?.moves ?? [])
    const most = Math.max(0, ...ticks.map(({ whole }) => Math.abs(whole))) || 1
    const margin = { l: 44, r: 58, t: 4, b: 32 }
    // A tick is as wide as an example, but from 2 to 5 pixels.
    const pixel = (last - first + 1) / (look.width - margin.l - margin.r)
    const width = Math.max(2 * pixel, Math.min(5 * pixel, 0.7))
    const x = ticks.map(({ at }) => at)
    const bar = { type: 'bar' as const, x, width, yaxis: 'y2' as const, customdata: x }
    const line = (values: (number | null)[], name: string) => {
      // About a point for each pixel.
      const { x, y } = thinned(values, [first, last], look.width)
      return {
        ...{ type: 'scatter' as const, mode: 'lines' as const, x, y, name: plain(name, 24), customdata: x },
        hovertemplate: '%{fullData.name} %{y:.3g}<extra>#%{x}</extra>',
      }
    }
    const upright = (at: number, colour: string, dash: 'solid' | 'dot' | 'dash') => ({
      ...{ type: 'line' as const, xref: 'x' as const, yref: 'paper' as const, x0: at, x1: at, y0: 0, y1: 0.96 },
      ...{ line: { color: colour, width: 1, dash }, layer: 'below' as const },
    })
    const beside = (text: string, y: number, yref: 'y' | 'y2' | 'y3', colour = quiet) => ({
      ...{ text: plain(text, 8), x: 1, xref: 'paper' as const, y, yref, xanchor: 'left' as const, xshift: 4 },
      ...{ showarrow: false, font: { color: colour } },
    })
    const ends = scores.flatMap(({ name, mean }, i) => {
      const value = mean.slice(0, last + 1).findLast(v => v !== null)
      return value == null ? [] : [beside(name, value, 'y3', i === 0 ? ink : quiet)]
    })
    const means = scores.flatMap(({ mean }) => mean.filter(v => v !== null))
    const upwards = { ...axis(look), showgrid: true, nticks: 4 }
    const title = (text: string) => ({
      text: plain(text, 12),
      standoff: 2,
      font: { color: quiet, size: look.font.size },
    })
    return {
      data: [
        ...lines.map(({ name, norms }, i) => ({
          ...line(held(norms), name),
          line: { color: i % 2 === 0 ? ink : quiet, width: lines.length > 1 ? 1.5 : 2, shape: 'hv' as const },
        })),
        {
          ...{ ...bar, y: ticks.map(({ whole }) => whole), marker: { color: quiet, opacity: 0.35 } },
          hovertemplate: `${plain(words.step)} %{y:.3g}<extra>#%{x}</extra>`,
        },
        {
          ...{ ...bar, y: ticks.map(({ along }) => along), hoverinfo: 'skip' as const },
          marker: { color: ticks.map(({ along }) => (along < 0 ? back : on)) },
        },
        ...scores.map(({ name, mean }, i) => ({
          ...{ ...line(mean, name), yaxis: 'y3' as const },
          line: i === 0 ? { color: ink, width: 2 } : { color: quiet, width: 2, dash: 'dot' as const },
        })),
      ],
      layout: {
        ...{ margin, barmode: 'overlay', hovermode: 'closest' },
        xaxis: {
          ...{ ...axis(look), range: [first - 0.5, last + 0.5], anchor: 'y3', nticks: 7, tickformat: 'd' },
          title: title(words.example),
        },
        yaxis: { ...{ ...upwards, domain: TOP, rangemode: 'tozero', title: title(words.size) } },
        yaxis2: {
          ...{ ...upwards, domain: MIDDLE, range: [-most * 1.08, most * 1.08], zeroline: true, zerolinecolor: rule },
          title: title(words.step),
        },
        yaxis3: {
          ...{ ...upwards, domain: BOTTOM, range: [Math.min(0, ...means), Math.max(1, ...means)] },
          title: title(metric ?? ''),
        },
        shapes: [
          ...marks.map(mark =>
            upright(mark.index - 0.5, mark.kind === 'edit' ? edit : rule, mark.kind === 'edit' ? 'dash' : 'dot'),
          ),
          ...marks.map(mark => ({
            ...{ type: 'path' as const, path: mark.kind === 'edit' ? PENCIL : FORK, xref: 'x' as const },
            ...{ xsizemode: 'pixel' as const, xanchor: mark.index - 0.5, yref: 'paper' as const },
            ...{
              ysizemode: 'pixel' as const,
              yanchor: 1,
              line: { color: mark.kind === 'edit' ? edit : ink, width: 1.5 },
            },
          })),
          ...(index === null ? [] : [upright(index, look.colour('--jp-brand-color1'), 'solid')]),
        ],
        annotations: [
          ...marks.flatMap(mark =>
            mark.kind === 'edit'
              ? [
                  {
                    ...{ text: String(mark.n), x: mark.index - 0.5, xref: 'x' as const, xshift: 4, y: 1 },
                    ...{ yref: 'paper' as const, xanchor: 'left' as const, yanchor: 'top' as const, showarrow: false },
                    font: { color: edit },
                  },
                ]
              : [],
          ),
          beside(words.onward, most * 0.8, 'y2'),
          beside(words.back, -most * 0.8, 'y2'),
          ...ends,
        ],
      },
    }
  }
