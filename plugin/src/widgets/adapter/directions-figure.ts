import type { AdapterModule } from 'lora-harness/protocol'
import { median } from '../../model/adapters.js'
import { axis, type Figure } from '../../plotly/draw.js'
import { type Look, plain } from '../../plotly/look.js'

/** A module in the row of its kind. */
export type Spread = Pick<AdapterModule, 'module' | 'effectiveRank' | 'strongest'> & {
  row: number
  layer: number
}

export interface DirectionsOptions {
  /** What kinds are called, from the top. */
  kinds: readonly string[]
  /** The greatest rank. */
  most: number
  module: string | null
  titles: { rank: string; strongest: string }
  hover: (of: Spread) => string
}

/** Part of a row that dots are spread over: the first layer at its top. */
const SPREAD = 0.62

/** A dot for each module, in the row of its kind: the effective rank on 1 … r, the part of the strongest direction. */
export const directionsFigure =
  (of: readonly Spread[], { kinds, most, module, titles, hover }: DirectionsOptions) =>
  (look: Look): Figure => {
    const known = of.filter(m => m.effectiveRank !== null && m.strongest !== null)
    const layers = Math.max(1, ...known.map(m => m.layer))
    const dots = (x: number[], xaxis: 'x' | 'x2') => ({
      ...{ type: 'scatter' as const, mode: 'markers' as const, x, xaxis, hoverinfo: 'text' as const },
      y: known.map(({ row, layer }) => row + (layer / layers - 0.5) * SPREAD),
      hovertext: known.map(m => plain(hover(m))),
      customdata: known.map(m => m.module),
      marker: {
        ...{ size: known.map(m => (m.module === module ? 9 : 5)), color: look.colour('--lh-updated') },
        ...{ opacity: known.map(m => (m.module === module ? 1 : 0.6)) },
        line: { color: look.font.color, width: known.map(m => (m.module === module ? 2 : 0)) },
      },
    })
    const medians = kinds.flatMap((_, row) =>
      (['effectiveRank', 'strongest'] as const).flatMap((what, i) => {
        const x = median(known.filter(m => m.row === row).map(m => m[what]!))
        return x === null ? [] : [{ x, row, xref: i === 0 ? ('x' as const) : ('x2' as const) }]
      }),
    )
    const title = (text: string, x: number, xanchor: 'left' | 'right') => ({
      ...{ text: `<b>${plain(text)}</b>`, x, y: 1, xref: 'paper' as const, yref: 'paper' as const },
      ...{ xanchor, xshift: x === 1 ? 18 : 0, yanchor: 'bottom' as const, showarrow: false },
    })
    const across = {
      ...{ ...axis(look), showgrid: true, zeroline: false },
    }
    const ranks = Array.from({ length: most }, (_, i) => i + 1)
    const every = Math.max(1, Math.ceil(most / 8))
    return {
      data: [
        dots(
          known.map(m => m.effectiveRank!),
          'x',
        ),
        dots(
          known.map(m => m.strongest!),
          'x2',
        ),
      ],
      layout: {
        margin: { l: 42, r: 20, t: 20, b: 20 },
        xaxis: {
          ...{ ...across, domain: [0, 0.54], range: [0.8, most + 0.2], anchor: 'y' },
          tickvals: ranks.filter(r => r === 1 || r === most || (r % every === 0 && most - r >= every)),
        },
        xaxis2: {
          ...{ ...across, domain: [0.62, 1], range: [-0.02, 1.02], anchor: 'y' },
          ...{ tickvals: [0, 0.5, 1], ticktext: ['0 %', '50 %', '100 %'] },
        },
        yaxis: {
          ...{ ...axis(look), range: [kinds.length - 0.5, -0.5], ticktext: kinds.map(kind => plain(kind, 10)) },
          ...{ tickvals: kinds.map((_, row) => row), tickfont: { color: look.font.color } },
        },
        annotations: [title(titles.rank, 0, 'left'), title(titles.strongest, 1, 'right')],
        shapes: medians.map(({ x, row, xref }) => ({
          ...{ type: 'line', xref, x0: x, x1: x, y0: row - 0.42, y1: row + 0.42, layer: 'below' },
          line: { color: look.font.color, width: 2 },
        })),
      },
    }
  }
