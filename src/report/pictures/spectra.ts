import { constant, type Markup, markup } from '../markup.js'
import { type Colour, clean, ink, type Picture, round, text } from './look.js'
import { type Scale, scale, ticks } from './scale.js'

/** How to read the picture of `spectra`. */
export const SPECTRA_AID =
  'Each point is one direction of this weight matrix, the strongest first. A line that falls at once is one idea; a flat one uses all of its rank. Where the line after the update lies above the one before it, that direction grew.'

/** Singular values of one module, the largest first. */
export interface ModuleSpectra {
  module: string
  after: readonly number[]
  /** Before the last update, and on another branch; null where there is none. */
  before: readonly number[] | null
  other: readonly number[] | null
}

/** Directions below this part of the greatest singular value of all modules are not drawn. */
const LEAST = 1e-4

/** Lines of one module, as `d` of paths; empty for what there is not. */
export interface SpectraLines {
  after: string
  before: string
  other: string
}

/** Draws spectra of modules on one pair of axes, so that they can be compared. */
export function spectraAxes(modules: readonly ModuleSpectra[], { width = 620, height = 250 } = {}) {
  const all = modules.flatMap(({ after, before, other }) => [after, before ?? [], other ?? []])
  const greatest = Math.max(0, ...all.flat())
  const high = 10 ** Math.ceil(Math.log10(greatest || 1) - 1e-9)
  const least = all.flat().reduce((a, b) => (b > greatest * LEAST && b < a ? b : a), greatest || 1)
  const low = Math.min(high / 10, 10 ** Math.floor(Math.log10(least) + 1e-9))
  const [left, right, top, bottom] = [58, width - 150, 14, height - 38]
  const x = scale(1, Math.max(2, ...all.map(values => values.length)), left + 8, right - 8)
  const log = scale(Math.log10(low), Math.log10(high), bottom, top)
  const y: Scale = { low, high, at: v => log.at(Math.log10(v)) }

  const path = (values: readonly number[] | null): string =>
    (values ?? [])
      .filter(v => v >= low)
      .map(
        (v, i, { length }) =>
          `${i === 0 ? 'M' : 'L'}${round(x.at(i + 1))} ${round(y.at(v))}${length === 1 ? 'h.01' : ''}`,
      )
      .join('')
  const linesOf = ({ after, before, other }: ModuleSpectra): SpectraLines => ({
    ...{ after: path(after), before: path(before), other: path(other) },
  })

  /** One module's. @param names what the lines are called; those of lines that no module has are left out */
  function picture(of: ModuleSpectra, names: { after: string; before?: string; other?: string }): Picture {
    const lines = linesOf(of)
    const kinds = LOOKS.filter(({ line }) => names[line] !== undefined)
    const body = markup`${decades(low, high).map(
      v =>
        markup`<path d="M${left} ${round(y.at(v))}H${right}" ${ink({ stroke: 'rule' })}/>${text(left - 6, y.at(v) + 4, String(+v.toPrecision(1)), { anchor: 'end', colour: 'quiet' })}`,
    )}${ticks(1, x.high, 8, 1).map(n => text(x.at(n), bottom + 16, n, { anchor: 'middle', colour: 'quiet' }))}
${text((left + right) / 2, height - 6, 'direction', { anchor: 'middle', colour: 'quiet' })}${text(12, (top + bottom) / 2, 'singular value', { anchor: 'middle', colour: 'quiet', turned: -90 })}
${kinds.map(({ line, colour, look }) => markup`<path data-line="${line}" d="${lines[line]}" ${ink({ stroke: colour })} ${look} stroke-linecap="round" stroke-linejoin="round"/>`)}
${kinds.toReversed().map(({ line, colour, look }, i) => markup`<path d="M${right + 10} ${top + 12 + i * 20}h22" ${ink({ stroke: colour })} ${look} stroke-linecap="round"/>${text(right + 38, top + 16 + i * 20, clean(names[line]!, 15))}`)}`
    return { width, height, body, title: `Singular values of the update of ${clean(of.module, 100)}` }
  }
  return { linesOf, picture }
}

/** Drawn in this order, the last on top. */
const LOOKS: { line: 'after' | 'before' | 'other'; colour: Colour; look: Markup }[] = [
  { line: 'other', colour: 'violet', look: constant('stroke-width="2" stroke-dasharray="6 5"') },
  { line: 'before', colour: 'quiet', look: constant('stroke-width="2"') },
  { line: 'after', colour: 'updated', look: constant('stroke-width="2.5"') },
]

const decades = (low: number, high: number): number[] => {
  const [from, to] = [Math.round(Math.log10(low)), Math.round(Math.log10(high))]
  return Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i))
}
