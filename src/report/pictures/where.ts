import { constant, type Markup, markup } from '../markup.js'
import { clean, HEAT_STEPS, heat, ink, type Picture, round, text, widthOf } from './look.js'
import { gridOf, isRelative, kindNames, type ModuleShape, moduleName } from './modules.js'

/** How to read the picture of `where`. */
export const WHERE_AID =
  'The further right on the scale its colour is, the more this weight matrix moved relative to its own size; it shows where training wrote, not whether that helped.'
export const WHERE_AID_ABSOLUTE =
  'The further right on the scale its colour is, the larger the update of this weight matrix; matrices differ in size, so compare down a column. It shows where training wrote, not whether that helped.'

type Sized = Pick<ModuleShape, 'module' | 'norm' | 'baseNorm'>

export interface WhereOptions {
  width?: number
  height?: number
  /** Modules of the base model with ‖W₀‖_F: those without an adapter are shown as such. */
  base?: ReadonlyMap<string, number> | null
  /** Top of the colour scale, to compare pictures; the largest value by default. */
  most?: number
  /** Numbers of modules: their cells carry them as `data-module`, for a page's script, and say what they are. */
  numbers?: ReadonlyMap<string, number>
}

/**
 * Where an adapter wrote: ‖ΔW‖_F/‖W₀‖_F as a heat map of layers (rows) by kinds of module (columns), ‖ΔW‖_F where base
 * weights are not known. Square-root colour scale; cells without an adapter are hatched; whole rows and columns at the
 * edges.
 */
export function where(modules: readonly Sized[], options: WhereOptions = {}): Picture {
  const { width = 380, height = 340, base = null, numbers } = options
  const grid = gridOf(modules, base && isRelative(modules) ? base.keys() : [])
  const { relative, layers, kinds, cells, rows, columns } = grid
  const most = options.most ?? grid.most
  const unit = relative ? percent : number

  const names = kindNames(kinds)
  const nameWidth = Math.max(0, ...[...names.values()].map(name => widthOf(name.slice(0, 14), 11)))
  const plot = { left: 42, top: 26, right: width - 44, bottom: height - 62 }
  const cell = {
    width: Math.min(48, (plot.right - plot.left) / Math.max(1, kinds.length)),
    height: Math.min(26, (plot.bottom - plot.top) / Math.max(1, layers.length)),
  }
  const turned = nameWidth > cell.width - 2
  if (turned) {
    plot.bottom -= 22
    cell.height = Math.min(26, (plot.bottom - plot.top) / Math.max(1, layers.length))
  }
  const gap = cell.height > 5 ? 1 : 0
  const at = (row: number, column: number) => ({ x: plot.left + column * cell.width, y: plot.top + row * cell.height })
  const end = at(layers.length, kinds.length)

  const boxes = cells.map((of, row) =>
    of.map((found, column) => {
      if (found === undefined) return ''
      const { x, y } = at(row, column)
      return found
        ? box(x, y, cell.width - gap, cell.height - gap, stepOf(found.size, most), marked(found))
        : hatch(x, y, cell.width - gap, cell.height - gap)
    }),
  )
  function marked({ module, size }: { module: string; size: number }): Mark | undefined {
    const number = numbers?.get(module)
    return number === undefined ? undefined : { number, title: `${moduleName(module)}: ${unit(size)}` }
  }
  const [mostRow, mostColumn] = [Math.max(...rows, 0) || 1, Math.max(...columns, 0) || 1]
  const every = Math.max(1, Math.ceil(12 / cell.height))
  const body = markup`${text(plot.left - 6, plot.top - 8, 'layer', { size: 11, anchor: 'end', colour: 'quiet' })}
${layers.map((layer, row) => (row % every === 0 || layer === null ? text(plot.left - 6, at(row, 0).y + cell.height / 2 + 4, layer ?? 'other', { size: 11, anchor: 'end', colour: 'quiet' }) : ''))}
${boxes}
${rows.map((v, row) => bar(end.x + 4, at(row, 0).y, (v / mostRow) * 34, Math.max(1, cell.height - gap)))}
${columns.map((v, column) => bar(at(0, column).x, plot.top - 4 - (v / mostColumn) * 18, cell.width - gap, (v / mostColumn) * 18))}
${kinds.map((kind, column) => {
  const x = at(0, column).x + cell.width / 2
  return turned
    ? text(x + 4, end.y + 12, names.get(kind)!.slice(0, 14), { size: 11, anchor: 'end', turned: -45 })
    : text(x, end.y + 14, names.get(kind)!.slice(0, 14), { size: 11, anchor: 'middle' })
})}
${scaleLegend(plot.left, height - 30, most, unit, relative)}`
  const largest = Math.max(0, ...cells.flat().map(found => found?.size ?? 0))
  const title = `Size of the update by layer and module${largest > 0 ? `; the largest is ${unit(largest)}` : ''}`
  return { width, height, body, title }
}

/** @returns null for zero, which has no colour */
const stepOf = (size: number, most: number): number | null =>
  size > 0 && most > 0 ? Math.min(HEAT_STEPS - 1, Math.floor(Math.sqrt(size / most) * HEAT_STEPS)) : null

interface Mark {
  number: number
  title: string
}
const box = (x: number, y: number, width: number, height: number, step: number | null, mark?: Mark): Markup =>
  markup`<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" ${step === null ? ink({ fill: 'ground', stroke: 'rule' }) : heat(step)}${mark ? markup` data-module="${mark.number}"><title>${clean(mark.title)}</title></rect>` : constant('/>')}`

const bar = (x: number, y: number, width: number, height: number): Markup =>
  markup`<rect x="${round(x)}" y="${round(y)}" width="${round(Math.max(0, width))}" height="${round(Math.max(0, height))}" ${ink({ fill: 'quiet' })} fill-opacity="0.55"/>`

/** Lines instead of a fill: it has no adapter. */
function hatch(x: number, y: number, width: number, height: number): Markup {
  const lines: string[] = []
  for (let at = 4; at < width + height; at += 5) {
    const [x0, y0] = at < height ? [0, at] : [at - height, height]
    const [x1, y1] = at < width ? [at, 0] : [width, at - width]
    lines.push(`M${round(x + x0)} ${round(y + y0)}L${round(x + x1)} ${round(y + y1)}`)
  }
  return markup`<path d="${lines.join('')}" ${ink({ stroke: 'rule' })}/>`
}

function scaleLegend(x: number, y: number, most: number, unit: (v: number) => string, relative: boolean): Markup {
  const wide = 12
  const at = (v: number) => x + Math.sqrt(v) * HEAT_STEPS * wide
  return markup`${Array.from({ length: HEAT_STEPS }, (_, i) => box(x + i * wide, y, wide, 9, i))}
${[0, 0.25, 1].map(v => text(at(v), y + 21, unit(v * most), { size: 11, anchor: v === 0 ? 'start' : 'middle', colour: 'quiet' }))}
${text(x + HEAT_STEPS * wide + 8, y + 8, relative ? '‖ΔW‖/‖W₀‖' : '‖ΔW‖', { size: 11 })}
${hatch(x + HEAT_STEPS * wide + 86, y, 14, 9)}${text(x + HEAT_STEPS * wide + 104, y + 8, 'no adapter', { size: 11, colour: 'quiet' })}`
}

/** `1.2 %` */
export const percent = (x: number): string => (x === 0 ? '0 %' : `${+(100 * x).toPrecision(2)} %`)
const number = (x: number): string => String(+x.toPrecision(2))
