import type { Cell, Grid } from 'lora-harness/report'
import { axis, type Figure } from '../../plotly/draw.js'
import { type Look, plain } from '../../plotly/look.js'

export interface WhereOptions {
  /** Top of the colour scale. */
  most: number
  /** The largest row and column of all that are compared. */
  bars: { row: number; column: number }
  /** The module that is looked at. */
  module: string | null
  /** What kinds are called. */
  kinds: ReadonlyMap<string, string>
  layerName: string
  hover: (cell: Cell) => string
  none: (layer: number, kind: string) => string
}

/**
 * Sizes as colours on a square-root scale. A module that is zero has no colour, one without an adapter is hatched; bars at
 * the edges are whole layers and whole kinds.
 */
export const whereFigure =
  (grid: Grid, { most, bars, module, kinds: called, layerName, hover, none }: WhereOptions) =>
  (look: Look): Figure => {
    const { layers, kinds, cells, rows, columns } = grid
    const [ground, rule, quiet] = ['--jp-layout-color1', '--jp-border-color1', '--lh-quiet'].map(look.colour)
    const names = kinds.map(kind => plain(called.get(kind)!, 14))
    const room = look.width * 0.84 - 34
    const isTurned = Math.max(...names.map(name => name.length)) * look.font.size * 0.6 > room / kinds.length
    const flat = cells.flatMap((row, y) => row.map((cell, x) => ({ cell, x, y })))
    const empty = flat.filter(({ cell }) => cell === null)
    const zero = flat.flatMap(({ cell, x, y }) => (cell?.size === 0 ? [{ cell, x, y }] : []))
    const selected = flat.find(({ cell }) => cell?.module === module)
    const every = Math.max(1, Math.ceil((look.font.size * 1.2) / (270 / layers.length)))
    /** Cells as bars of their own: plotly's heat maps know no hatching. */
    const boxes = (of: { x: number; y: number }[]) => ({
      ...{ type: 'bar' as const, x: of.map(({ x }) => x), y: of.map(() => 1), base: of.map(({ y }) => y - 0.5) },
      ...{ width: 1, hoverinfo: 'text' as const },
    })
    const whole = { type: 'bar' as const, hoverinfo: 'skip' as const, marker: { color: quiet, opacity: 0.55 } }
    return {
      data: [
        {
          ...{ type: 'heatmap', x: kinds.map((_, x) => x), y: layers.map((_, y) => y), xgap: 1, ygap: 1 },
          z: cells.map(row => row.map(cell => (cell && cell.size > 0 ? Math.sqrt(cell.size) : null))),
          ...{ zmin: 0, zmax: Math.sqrt(most) || 1, showscale: false, hoverongaps: false, hoverinfo: 'text' },
          colorscale: look.heat.map((colour, i): [number, string] => [i / (look.heat.length - 1), colour]),
          hovertext: cells.map(row => row.map(cell => (cell ? plain(hover(cell)) : ''))),
          customdata: cells.map(row => row.map(cell => cell?.module ?? null)) as never,
        },
        {
          ...boxes(empty),
          hovertext: empty.map(({ x, y }) => plain(none(layers[y]!, called.get(kinds[x]!)!))),
          marker: {
            ...{ color: ground, line: { color: ground, width: 1 } },
            pattern: { shape: '/', fgcolor: rule, bgcolor: ground, fillmode: 'replace', size: 5, solidity: 0.25 },
          },
        },
        {
          ...boxes(zero),
          hovertext: zero.map(({ cell }) => plain(hover(cell))),
          customdata: zero.map(({ cell }) => cell.module),
          marker: { color: ground, line: { color: rule, width: 1 } },
        },
        { ...whole, orientation: 'h', x: rows, y: layers.map((_, y) => y), xaxis: 'x2', width: 0.8 },
        { ...whole, x: kinds.map((_, x) => x), y: columns, yaxis: 'y2', width: 0.8 },
      ],
      layout: {
        margin: { l: 34, r: 2, t: 2, b: isTurned ? 42 : 20 },
        barmode: 'overlay',
        xaxis: {
          ...{ ...axis(look), domain: [0, 0.86], range: [-0.5, kinds.length - 0.5], anchor: 'y' },
          ...{ tickvals: kinds.map((_, x) => x), ticktext: names, tickangle: isTurned ? -90 : 0 },
          tickfont: { color: look.font.color },
        },
        yaxis: {
          ...{ ...axis(look), domain: [0, 0.9], range: [layers.length - 0.5, -0.5], anchor: 'x' },
          tickvals: layers.flatMap((layer, y) => (layer === null || y % every === 0 ? [y] : [])),
          ticktext: layers.flatMap((layer, y) => (layer === null ? ['–'] : y % every === 0 ? [String(layer)] : [])),
        },
        xaxis2: { ...axis(look), domain: [0.88, 1], range: [0, bars.row || 1], showticklabels: false },
        yaxis2: { ...axis(look), domain: [0.92, 1], range: [0, bars.column || 1], showticklabels: false },
        annotations: [
          {
            ...{
              text: plain(layerName, 10),
              x: 0,
              y: 0.92,
              xref: 'paper',
              yref: 'paper',
              xanchor: 'right',
              yanchor: 'bottom',
            },
            ...{ xshift: -3, showarrow: false, font: { color: quiet! } },
          },
        ],
        // With a rim of the ground's colour: seen on the darkest cell and on the lightest.
        shapes: selected
          ? [
              { color: ground!, width: 5 },
              { color: look.font.color, width: 2 },
            ].map(line => ({
              ...{ type: 'rect', x0: selected.x - 0.5, x1: selected.x + 0.5, line },
              ...{ y0: selected.y - 0.5, y1: selected.y + 0.5 },
            }))
          : [],
      },
    }
  }
