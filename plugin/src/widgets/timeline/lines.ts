import { branchColour, type Colours, DASHES } from './colours.js'
import { type Grid, type Overlay, placeAt, type Scene, xOf, yOf } from './scene.js'

type Paint = CanvasRenderingContext2D

/**
 * A running mean through examples `from` … `to`: for each pixel column its first, least, greatest and last value, so that
 * it looks as if all were drawn.
 */
export function trace(ctx: Paint, scene: Grid, mean: Float32Array, from: number, to: number): void {
  let drawing = false
  for (let i = from; i <= to; ) {
    const first = mean[i]!
    const x = xOf(scene, i)
    if (Number.isNaN(first)) {
      i++
      continue
    }
    let [least, most, last] = [first, first, first]
    const column = Math.floor(x)
    for (i++; i <= to && Math.floor(xOf(scene, i)) === column; i++) {
      const value = mean[i]!
      if (value < least) least = value
      if (value > most) most = value
      last = value
    }
    if (drawing) ctx.lineTo(x, yOf(scene, first))
    else ctx.moveTo(x, yOf(scene, first))
    drawing = true
    if (least < first) ctx.lineTo(x, yOf(scene, least))
    if (most > first) ctx.lineTo(x, yOf(scene, most))
    if (last !== first) ctx.lineTo(x, yOf(scene, last))
  }
}

/** Distance of the dots of a baseline [CSS px]. */
const DOTS = 5

/** A dotted line whose dots are at the same places however much of it is drawn. */
function dots(ctx: Paint, scene: Scene, mean: Float32Array, from: number, to: number): void {
  for (let x = Math.ceil(xOf(scene, from) / DOTS) * DOTS; x <= xOf(scene, to); x += DOTS) {
    const place = placeAt(scene, x)
    const i = Math.floor(place)
    const [before, after] = [mean[i]!, mean[Math.min(i + 1, to)]!]
    const y = yOf(scene, before + (after - before) * (place - i))
    if (Number.isNaN(y)) continue
    ctx.moveTo(x + 1.25, y)
    ctx.arc(x, y, 1.25, 0, 2 * Math.PI)
  }
}

/** The means of all branches and of the baseline. @param from,to first and last example drawn anew */
export function drawLines(ctx: Paint, scene: Scene, colours: Colours, [from, to]: readonly [number, number]): void {
  const { columns, overlays, showBaseline, range } = scene
  ctx.lineJoin = 'round'
  if (showBaseline && scene.baseline !== null) {
    ctx.beginPath()
    dots(ctx, scene, columns.base.mean, from, to)
    ctx.fillStyle = colours.quiet
    ctx.fill()
  }
  for (const [i, overlay] of overlays.entries()) {
    ctx.beginPath()
    // Wholly, so that its dashes stay where they are; it begins where it leaves the other line.
    const first = Math.max(overlay.from - 1, range[0] - 1, 0)
    trace(ctx, scene, overlay.columns.adapter.mean, first, Math.min(overlay.columns.length - 1, range[1] + 1))
    stroke(ctx, branchColour(colours, i), 1.5, DASHES[i]!)
  }
  ctx.beginPath()
  trace(ctx, scene, columns.adapter.mean, from, to)
  stroke(ctx, colours.text, 2)
}

function stroke(ctx: Paint, colour: string, width: number, dash: readonly number[] = []): void {
  ctx.strokeStyle = colour
  ctx.lineWidth = width
  ctx.setLineDash([...dash])
  ctx.stroke()
  ctx.setLineDash([])
}

/** Each branch as a rail from where it leaves the one above it to its last example. */
export function drawRail(ctx: Paint, scene: Scene, colours: Colours): void {
  const { rail, overlays, columns, plot } = scene
  if (rail.length === 0) return
  const clamp = (x: number) => Math.max(plot.left, Math.min(plot.right, x))
  const rows: Pick<Overlay, 'columns' | 'from' | 'parent'>[] = [{ columns, from: 0, parent: 0 }, ...overlays]
  for (const [i, { columns, from, parent }] of rows.entries()) {
    const start = xOf(scene, from - 0.5)
    ctx.beginPath()
    if (i > 0 && start >= plot.left && start <= plot.right) {
      ctx.moveTo(start, rail[parent]!)
      ctx.lineTo(start, rail[i]!)
    } else ctx.moveTo(clamp(start), rail[i]!)
    ctx.lineTo(clamp(xOf(scene, columns.length - 0.5)), rail[i]!)
    stroke(ctx, i === 0 ? colours.text : branchColour(colours, i - 1), i === 0 ? 2 : 1.5, i === 0 ? [] : DASHES[i - 1])
  }
}
