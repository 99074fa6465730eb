import type { Outcome } from '../../protocol/index.js'
import { constant, type Markup, markup } from '../markup.js'
import { type Colour, ink, round, text, widthOf } from './look.js'

type Kind = Outcome['kind']

/** One example as a mark; its shape is its outcome. */
export interface Mark {
  x: number
  y: number
  outcome: Kind
}

/** How outcomes are drawn: ● updated, ○ unchanged, ▬ skipped, ✕ failed; shapes differ, so colour need not. */
const SHAPES: Record<Kind, { path: string; colour: Colour; width: number; ends: 'round' | 'butt' }> = {
  // A line of no length with round ends is a disc.
  updated: { path: 'h.01', colour: 'updated', width: 7, ends: 'round' },
  unchanged: { path: 'm-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0', colour: 'quiet', width: 1.5, ends: 'butt' },
  skipped: { path: 'm-4 0h8', colour: 'quiet', width: 3, ends: 'butt' },
  failed: { path: 'm-3.5-3.5l7 7m0-7l-7 7', colour: 'failed', width: 2, ends: 'butt' },
}
export const OUTCOMES = Object.keys(SHAPES) as Kind[]

/** Below this many units per example marks are drawn by cells. */
const ROOM = 5
/** Edge of a cell. */
const CELL = 5
/** How solid the marks of cells are that hold 1, 2–3, 4–7, 8 and more examples. */
const SOLID = [0.45, 0.65, 0.85, 1]

/**
 * Marks of examples. Where an example has less than 5 units of width, examples that fall into one cell and have one
 * outcome are drawn once, the more solid the more they are; failed ones are all drawn, and last. Linear in the number of
 * marks.
 */
export function marks(of: readonly Mark[], width: number): Markup {
  const merge = of.length * ROOM > width
  const cells = new Map<string, { mark: Mark; count: number }>()
  for (const mark of of) {
    const place = merge ? `${Math.round(mark.x / CELL)} ${Math.round(mark.y / CELL)}` : cells.size
    const cell = `${mark.outcome} ${mark.outcome === 'failed' ? cells.size : place}`
    const known = cells.get(cell)
    if (known) known.count++
    else cells.set(cell, { mark, count: 1 })
  }
  // One path for each look: a page with thousands of elements is slow.
  const paths = new Map<string, { outcome: Kind; solid: number; path: string[] }>()
  for (const { mark, count } of cells.values()) {
    const { outcome, x, y } = mark
    const solid =
      outcome === 'failed' ? 1 : SOLID[merge ? Math.min(SOLID.length - 1, Math.floor(Math.log2(count))) : 1]!
    const look = `${outcome} ${solid}`
    if (!paths.has(look)) paths.set(look, { outcome, solid, path: [] })
    paths.get(look)!.path.push(`M${round(x)} ${round(y)}${SHAPES[outcome].path}`)
  }
  const drawn = [...paths.values()].sort((a, b) => OUTCOMES.indexOf(a.outcome) - OUTCOMES.indexOf(b.outcome))
  return markup`${drawn.map(({ outcome, solid, path }) => shape(outcome, path.join(''), outcome === 'unchanged' ? 1 : solid))}`
}

function shape(outcome: Kind, path: string, solid = 1): Markup {
  const { colour, width, ends } = SHAPES[outcome]
  const opacity = solid === 1 ? '' : ` stroke-opacity="${solid}"`
  return markup`<path d="${path}" ${ink({ stroke: colour })} stroke-width="${width}" stroke-linecap="${ends}"${constant(opacity)}/>`
}

/** The most distinct scores that are drawn as strips. */
const STRIPS = 5

/**
 * How far marks are moved off their score: where there are few scores and many examples, each outcome has a strip of its
 * own, or they would lie on each other.
 *
 * @param scores of all examples, drawn over `width`; `isHigh` says that there is room below the score rather than above
 */
export function stripOf(scores: readonly (number | null)[], width: number): (outcome: Kind, isHigh: boolean) => number {
  const crowded = scores.length * ROOM > width && new Set(scores).size <= STRIPS
  return (outcome, isHigh) => (crowded ? OUTCOMES.indexOf(outcome) * (isHigh ? 7 : -7) : 0)
}

/** One outcome's mark. */
export const glyph = (outcome: Kind, x: number, y: number): Markup =>
  shape(outcome, `M${round(x)} ${round(y)}${SHAPES[outcome].path}`)

/** The mark in running text, for lists and tables. */
export const outcomeIcon = (outcome: Kind): Markup =>
  markup`<svg class="icon" width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true">${glyph(outcome, 0, 0)}</svg>`

/** ✎: a callable was edited. @param x,y of its middle */
export const pencil = (x: number, y: number, colour: Colour = 'brown'): Markup =>
  markup`<path d="M${round(x - 4.5)} ${round(y + 4.5)}l1-3.2 6-6 2.2 2.2-6 6zm1-3.2l2.2 2.2" ${ink({ stroke: colour })} stroke-width="1.3" stroke-linejoin="round"/>`

/** ⑂: a branch leaves. @param x,y of its middle */
export const fork = (x: number, y: number, colour: Colour = 'text'): Markup =>
  markup`<path d="M${round(x)} ${round(y + 5)}v-4c0-3-3.5-2-3.5-6m3.5 6c0-3 3.5-2 3.5-6" ${ink({ stroke: colour })} stroke-width="1.5" stroke-linecap="round"/>`

/** ◇: what the probes scored. */
export const probe = (x: number, y: number): Markup =>
  markup`<path d="M${round(x - 4)} ${round(y)}l4-4 4 4-4 4z" ${ink({ fill: 'ground', stroke: 'brown' })} stroke-width="1.5"/>`

/** A word with a mark or line before it. */
export interface LegendEntry {
  name: string
  /** Draws it around (x, y). */
  draw: (x: number, y: number) => Markup
}

/** Entries in a row. */
export function legend(
  entries: readonly LegendEntry[],
  x: number,
  y: number,
  most = Number.POSITIVE_INFINITY,
): Markup[] {
  let at = x
  return entries.flatMap(({ name, draw }) => {
    const width = 16 + widthOf(name, 11)
    if (at + width > x + most) return []
    const drawn = markup`${draw(at + 5, y - 4)}${text(at + 14, y, name, { size: 11, colour: 'quiet' })}`
    at += width + 8
    return [drawn]
  })
}
