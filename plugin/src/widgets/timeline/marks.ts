import { OUTCOMES } from '../../model/view.js'
import type { Colours } from './colours.js'
import { placeOf, type Scene, xOf } from './scene.js'

type Paint = CanvasRenderingContext2D

/** Width of a cell, and its height where each outcome has a strip; else it is a square [CSS px]. */
export const CELL = 4
const HIGH = 6
const FAILED = OUTCOMES.indexOf('failed')
/** How solid a cell is that holds 1, 2–3, 4–7, 8 and more examples; the least is 3:1 on its ground. */
const SOLID = [0.75, 0.84, 0.92, 1]

/** Adds a mark to a path: ● updated and ○ unchanged are discs, ▬ skipped a bar, ✕ failed a cross. */
function trace(ctx: Paint, outcome: number, x: number, y: number, r: number): void {
  switch (OUTCOMES[outcome]) {
    case 'updated':
      ctx.moveTo(x + r, y)
      ctx.arc(x, y, r, 0, 2 * Math.PI)
      break
    case 'unchanged':
      ctx.moveTo(x + r - 0.5, y)
      ctx.arc(x, y, r - 0.5, 0, 2 * Math.PI)
      break
    case 'skipped':
      ctx.rect(x - r, y - 1.5, 2 * r, 3)
      break
    default:
      ctx.moveTo(x - r, y - r)
      ctx.lineTo(x + r, y + r)
      ctx.moveTo(x + r, y - r)
      ctx.lineTo(x - r, y + r)
  }
}

const colourOf = ({ updated, quiet, failed }: Colours, outcome: number): string =>
  [updated, quiet, quiet, failed][outcome]!

/** Draws marks of one outcome. @param places x, y, x, y, … */
function glyphs(ctx: Paint, colours: Colours, outcome: number, places: readonly number[], r: number): void {
  if (places.length === 0) return
  ctx.beginPath()
  for (let i = 0; i < places.length; i += 2) trace(ctx, outcome, places[i]!, places[i + 1]!, r)
  const colour = colourOf(colours, outcome)
  if (outcome === FAILED) {
    // A failed one stands out of whatever it lies on.
    ctx.lineWidth = 4
    ctx.strokeStyle = colours.ground
    ctx.stroke()
  }
  ctx.lineWidth = outcome === FAILED ? 2 : 1.5
  ctx.fillStyle = colour
  ctx.strokeStyle = colour
  if (OUTCOMES[outcome] === 'updated' || OUTCOMES[outcome] === 'skipped') ctx.fill()
  else ctx.stroke()
}

/** Counts of cells, used again by every drawing; which of them are not 0. */
let counts = new Uint16Array(0)
const touched: number[] = []

/**
 * Draws the marks of examples `from` … `to`: one each, or, where they lie too close, cells that are the more solid the
 * more examples of one outcome they hold. Failed ones are all drawn, and last. Linear in the number of examples.
 *
 * @param place height of a mark; NaN for one that is not drawn
 */
export function drawMarks(
  ctx: Paint,
  scene: Scene,
  colours: Colours,
  [from, to]: readonly [number, number],
  place: (scene: Scene, index: number) => number = placeOf,
): void {
  const { columns, crowded, hides, strips, size } = scene
  const places: number[][] = OUTCOMES.map(() => [])
  const high = strips ? 1 : CELL
  const rows = Math.ceil(size.height / high) + 1
  const across = Math.ceil(size.width / CELL) + 1
  if (counts.length < 3 * rows * across) counts = new Uint16Array(3 * rows * across)
  for (let i = from; i <= to; i++) {
    const y = place(scene, i)
    if (Number.isNaN(y) || hides?.(i)) continue
    const outcome = columns.outcome[i]!
    const x = xOf(scene, i)
    if (!crowded || outcome === FAILED) {
      places[outcome]!.push(x, y)
      continue
    }
    const cell = (outcome * across + Math.floor(x / CELL)) * rows + Math.floor(y / high)
    if (counts[cell]!++ === 0) touched.push(cell)
  }
  for (const cell of touched) {
    const row = cell % rows
    const column = ((cell - row) / rows) % across
    drawCell(
      ctx,
      colours,
      Math.floor(cell / rows / across),
      column * CELL,
      strips ? row - HIGH / 2 : row * CELL,
      strips ? HIGH : CELL,
      counts[cell]!,
    )
    counts[cell] = 0
  }
  touched.length = 0
  ctx.globalAlpha = 1
  const r = scene.step < 8 ? 3 : 4
  for (const [outcome, of] of places.entries()) glyphs(ctx, colours, outcome, of, outcome === FAILED ? 3.5 : r)
}

/** Cells differ as the marks do: ■ updated, □ unchanged, ▬ skipped. */
function drawCell(
  ctx: Paint,
  colours: Colours,
  outcome: number,
  x: number,
  y: number,
  high: number,
  count: number,
): void {
  ctx.globalAlpha = SOLID[Math.min(SOLID.length - 1, 31 - Math.clz32(count))]!
  ctx.fillStyle = colourOf(colours, outcome)
  if (OUTCOMES[outcome] === 'updated') ctx.fillRect(x, y, CELL, high)
  else if (OUTCOMES[outcome] === 'skipped') ctx.fillRect(x, y + high / 2 - 1, CELL, 2)
  else {
    ctx.fillRect(x, y, CELL - 1, 1)
    ctx.fillRect(x, y + high - 1, CELL - 1, 1)
    ctx.fillRect(x, y + 1, 1, high - 2)
    ctx.fillRect(x + CELL - 2, y + 1, 1, high - 2)
  }
}
