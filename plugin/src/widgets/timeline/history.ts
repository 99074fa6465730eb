import type { Colours } from './colours.js'
import { drawLines, drawRail } from './lines.js'
import { CELL, drawMarks } from './marks.js'
import { indexAt, type Scene, xOf, yOf } from './scene.js'

type Paint = CanvasRenderingContext2D

/** A canvas, and what is on it. */
export interface Drawn {
  stamp: readonly unknown[]
  /** Examples that are drawn. */
  length: number
}

/** Marks reach this far beyond their place, the numbers of the axis so far [CSS px]. */
const REACH = 8
const WORD = 40

/** Gives a canvas its size; what was on it is gone if that is another one. */
export function fit(canvas: HTMLCanvasElement, { width, height, ratio }: Scene['size']): Paint | null {
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h })
  const ctx = canvas.getContext('2d')
  ctx?.setTransform(ratio, 0, 0, ratio, 0, 0)
  return ctx
}

/**
 * Draws on a canvas what it lacks.
 *
 * @param stamp what is drawn cannot stay if a part of it changes
 * @param draw `first` is the first example that is not drawn yet; all that was drawn is gone if it is 0
 * @returns what is drawn now
 */
export function drawNew(
  canvas: HTMLCanvasElement,
  size: Scene['size'],
  stamp: readonly unknown[],
  length: number,
  before: Drawn | null,
  draw: (ctx: Paint, first: number) => void,
): Drawn {
  const stays = before !== null && before.length <= length && stamp.every((part, i) => Object.is(part, before.stamp[i]))
  if (stays && before.length === length) return before
  const ctx = fit(canvas, size)
  if (!ctx) return { stamp, length: 0 }
  ctx.save()
  draw(ctx, stays ? before.length : 0)
  ctx.restore()
  return { stamp, length }
}

/** From here to the right all is drawn anew. */
export function clearFrom(ctx: Paint, { width, height }: Scene['size'], x: number): void {
  ctx.beginPath()
  ctx.rect(x, 0, width - x, height)
  ctx.clip()
  ctx.clearRect(x, 0, width - x, height)
}

/** Draws what happened; where nothing changed but new examples came, from the first of them on. */
export function drawHistory(canvas: HTMLCanvasElement, scene: Scene, colours: Colours, before: Drawn | null): Drawn {
  const { plot, size, range } = scene
  const { length } = scene.columns
  return drawNew(canvas, size, [...scene.stamp, colours], length, before, (ctx, drawn) => {
    // A line comes from the example before.
    const from = drawn === 0 ? 0 : Math.max(0, Math.floor((xOf(scene, drawn - 1) - REACH) / CELL) * CELL)
    clearFrom(ctx, size, from)
    drawAxes(ctx, scene, colours, from)
    drawFlags(ctx, scene, colours)
    drawRail(ctx, scene, colours)
    ctx.beginPath()
    ctx.rect(plot.left, 0, plot.right - plot.left, size.height)
    ctx.clip()
    const first = Math.max(range[0], indexAt(scene, from - REACH), 0)
    const span = [first, Math.min(length - 1, range[1])] as const
    drawLanes(ctx, scene, colours, span)
    drawMarks(ctx, scene, colours, span)
    drawLines(ctx, scene, colours, [Math.max(0, first - 1), Math.min(length - 1, range[1] + 1)])
  })
}

/** Round numbers in low … high, about `wanted` of them, in steps of 1, 2 or 5 times a power of ten, `least` or more. */
export function ticks(low: number, high: number, wanted: number, least = 0): number[] {
  const raw = (high - low || 1) / wanted
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = Math.max(least, power * ([1, 2, 5].find(m => m * power >= raw) ?? 10))
  // A bound may miss its multiple of the step by a rounding error.
  const first = Math.ceil(low / step - 1e-9)
  return Array.from({ length: Math.max(0, Math.floor(high / step + 1e-9) - first + 1) }, (_, i) => (first + i) * step)
}

/** @param from what is left of it stays: text takes time */
function drawAxes(ctx: Paint, scene: Scene, colours: Colours, from: number): void {
  const { plot, scores, range, metric, first, size } = scene
  ctx.font = `${11 * size.text}px system-ui, sans-serif`
  ctx.fillStyle = colours.quiet
  ctx.strokeStyle = colours.rule
  ctx.lineWidth = 1
  ctx.textBaseline = 'middle'
  ctx.textAlign = 'right'
  ctx.beginPath()
  if (metric !== null)
    for (const value of ticks(...scores, 4)) {
      const y = Math.round(yOf(scene, value)) + 0.5
      ctx.moveTo(plot.left, y)
      ctx.lineTo(plot.right, y)
      if (from < plot.left) ctx.fillText(String(+value.toPrecision(6)), plot.left - 6, y)
    }
  ctx.stroke()
  ctx.textAlign = 'center'
  ctx.textBaseline = 'top'
  const wanted = Math.max(2, Math.floor((plot.right - plot.left) / (110 * size.text)))
  for (const index of ticks(range[0] + first, range[1] + first, wanted, 1)) {
    const x = xOf(scene, index - first)
    if (x > from - WORD * size.text) ctx.fillText(String(index), x, plot.bottom + 14)
  }
}

/** Edits and forks as lines over the whole height, none left out. */
function drawFlags(ctx: Paint, scene: Scene, colours: Colours): void {
  const { plot, marks, range } = scene
  ctx.lineWidth = 1
  for (const { kind, index } of marks) {
    if (index < range[0] || index > range[1] + 1) continue
    const x = Math.round(xOf(scene, index - 0.5)) + 0.5
    ctx.strokeStyle = kind === 'edit' ? colours.edit : colours.quiet
    ctx.beginPath()
    ctx.moveTo(x, plot.top - 4)
    ctx.lineTo(x, plot.bottom)
    ctx.stroke()
  }
}

/** A lane for each chat, from its first to its last example. */
function drawLanes(ctx: Paint, scene: Scene, colours: Colours, span: readonly [number, number]): void {
  const { lanes, lane: high, columns, plot } = scene
  if (lanes.length === 0) return
  ctx.strokeStyle = colours.rule
  ctx.lineWidth = 1
  ctx.beginPath()
  for (const { y } of lanes) {
    ctx.moveTo(plot.left, Math.round(y) + 0.5)
    ctx.lineTo(plot.right, Math.round(y) + 0.5)
  }
  ctx.stroke()
  const first = lanes[0]!
  drawMarks(ctx, { ...scene, strips: true }, colours, span, (_, i) => {
    const lane = columns.chat[i]! - first.chat
    return columns.chat[i]! < 0 || lane < 0 || lane >= lanes.length ? Number.NaN : first.y + lane * high
  })
}
