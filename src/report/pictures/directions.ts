import { type Markup, markup } from '../markup.js'
import { ink, type Picture, round, text } from './look.js'
import { inOrder, kindNames, type ModuleShape, placeOf } from './modules.js'
import { scale, ticks } from './scale.js'

/** How to read the picture of `directions`. */
export const DIRECTIONS_AID =
  'A dot near 1 means the update is essentially one idea repeated; near r means all of the rank is in use and a larger r might be needed.'

type Spread = Pick<ModuleShape, 'module' | 'rank' | 'effectiveRank' | 'strongest'>

/**
 * How many directions an adapter uses: a row for each kind of module, a dot for each layer (the first at the top of its
 * row). Left the effective rank on a track from 1 to r, right the part of ‖ΔW‖² in the strongest direction; a stroke
 * marks each row's median.
 */
export function directions(modules: readonly Spread[], { width = 620, row = 30 } = {}): Picture {
  const placed = modules.map(m => ({ ...m, ...placeOf(m.module) }))
  const kinds = inOrder(placed.map(m => m.kind)).slice(0, 24)
  const names = kindNames(kinds)
  const most = Math.max(2, ...modules.map(m => m.rank ?? 0))
  const layers = Math.max(1, ...placed.map(m => m.layer ?? 0))
  const top = 34
  const bottom = top + kinds.length * row
  const middle = 74 + (width - 74) * 0.56
  const rank = scale(1, most, 84, middle - 16)
  const share = scale(0, 1, middle + 16, width - 26)
  const dots = (values: { v: number; layer: number | null }[], y: number, at: (v: number) => number): Markup => {
    const path = values
      .map(({ v, layer }) => `M${round(at(v))} ${round(y + 6 + ((layer ?? 0) / layers) * (row - 12))}h.01`)
      .join('')
    const sorted = values.map(({ v }) => v).sort((a, b) => a - b)
    const median = sorted.length > 0 ? at((sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2) : null
    return markup`${median === null ? '' : markup`<path d="M${round(median)} ${y + 2}v${row - 4}" ${ink({ stroke: 'text' })} stroke-width="2"/>`}<path d="${path}" ${ink({ stroke: 'updated' })} stroke-width="5" stroke-linecap="round" stroke-opacity="0.6"/>`
  }
  const axis = (values: readonly number[], at: (v: number) => number, of: (v: number) => string) =>
    values.map(
      v =>
        markup`<path d="M${round(at(v))} ${top}V${bottom}" ${ink({ stroke: 'rule' })}/>${text(at(v), bottom + 15, of(v), { size: 11, anchor: 'middle', colour: 'quiet' })}`,
    )
  const body = markup`${text(rank.at(1), 14, `effective rank, 1 to r = ${most}`, { bold: true })}${text(share.at(0), 14, 'strongest direction', { bold: true })}
${axis([...new Set([1, ...ticks(1, most, 7, 1), most])], rank.at, String)}${axis([0, 0.5, 1], share.at, v => `${100 * v} %`)}
${kinds.map((kind, i) => {
  const y = top + i * row
  const own = placed.filter(m => m.kind === kind)
  const of = (what: 'effectiveRank' | 'strongest') =>
    own.flatMap(m => (m[what] === null ? [] : [{ v: m[what], layer: m.layer }]))
  return markup`<path d="M${round(rank.at(1))} ${y + row}H${round(rank.at(most))}M${round(share.at(0))} ${y + row}H${round(share.at(1))}" ${ink({ stroke: 'rule' })}/>
${text(74, y + row / 2 + 4, names.get(kind)!.slice(0, 10), { anchor: 'end' })}${dots(of('effectiveRank'), y, rank.at)}${dots(of('strongest'), y, share.at)}`
})}`
  const title = `Effective rank of ${modules.length} modules, from 1 to ${most}, and the share of the strongest direction`
  return { width, height: bottom + 24, body, title }
}
