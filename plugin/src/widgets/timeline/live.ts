import { OUTCOMES } from '../../model/view.js'
import type { Colours } from './colours.js'
import { fit } from './history.js'
import { indexAt, placeOf, type Scene, xOf } from './scene.js'

/** What is drawn over the history, and changes with the mouse. */
export interface Overlaid {
  selected: number | null
  other: number | null
  hovered: number | null
  /** Where a range is being drawn [CSS px]. */
  dragged: readonly [number, number] | null
}

/** Draws the rings of what is picked, the line under the mouse, and the range being drawn. */
export function drawLive(canvas: HTMLCanvasElement, scene: Scene, colours: Colours, over: Overlaid): void {
  const ctx = fit(canvas, scene.size)
  if (!ctx) return
  const { plot, size, columns, range, lanes } = scene
  ctx.clearRect(0, 0, size.width, size.height)
  ctx.strokeStyle = colours.text
  const shows = (index: number | null): index is number =>
    index !== null && index >= range[0] && index <= range[1] && index < columns.length
  const bottom = lanes.length > 0 ? lanes.at(-1)!.y + 8 : plot.bottom
  const upright = (index: number, dash: number[]) => {
    ctx.lineWidth = 1
    ctx.setLineDash(dash)
    ctx.beginPath()
    const x = Math.round(xOf(scene, index)) + 0.5
    ctx.moveTo(x, plot.top)
    ctx.lineTo(x, bottom)
    ctx.stroke()
    ctx.setLineDash([])
  }
  const ring = (index: number, dash: number[], wide = 2) => {
    const [x, y] = [xOf(scene, index), placeOf(scene, index)]
    ctx.setLineDash(dash)
    for (const [colour, width] of [
      [colours.ground, wide + 3],
      [colours.text, wide],
    ] as const) {
      ctx.strokeStyle = colour
      ctx.lineWidth = width
      ctx.beginPath()
      ctx.arc(x, y, 8, 0, 2 * Math.PI)
      ctx.stroke()
    }
    ctx.setLineDash([])
  }
  if (shows(over.hovered)) {
    ctx.globalAlpha = 0.5
    upright(over.hovered, [2, 2])
    ctx.globalAlpha = 1
    ring(over.hovered, [], 1)
  }
  if (shows(over.other)) {
    upright(over.other, [4, 3])
    ring(over.other, [4, 3])
  }
  if (shows(over.selected)) {
    upright(over.selected, [])
    ring(over.selected, [])
  }
  if (over.dragged) {
    const [a, b] = over.dragged
    ctx.globalAlpha = 0.15
    ctx.fillStyle = colours.text
    ctx.fillRect(Math.min(a, b), plot.top, Math.abs(b - a), plot.bottom - plot.top)
    ctx.globalAlpha = 1
  }
}

/** How near to the mouse a mark must be, across [CSS px]. */
const NEAR = 4

/**
 * The example under the mouse: the one at its place across; where several are that near, the one at its height. Only
 * those near are looked at.
 *
 * @returns null if none is shown there
 */
export function hit(scene: Scene, x: number, y: number): number | null {
  const { plot, step, range, columns, hides, lanes } = scene
  if (x < plot.left || x > plot.right) return null
  const lane = lanes.find(lane => Math.abs(lane.y - y) <= scene.lane / 2)
  const at = indexAt(scene, x)
  const by = Math.max(1, Math.ceil((lane ? 2 * NEAR : NEAR) / step))
  let best: number | null = null
  let least = Number.POSITIVE_INFINITY
  for (let i = Math.max(0, at - by); i <= Math.min(at + by, columns.length - 1, range[1]); i++) {
    if (hides?.(i) || (lane && columns.chat[i] !== lane.chat)) continue
    const [dx, dy] = [xOf(scene, i) - x, placeOf(scene, i) - y]
    // What is across counts first; a failed one, drawn last, wins where two are equal.
    const far =
      scene.crowded && !lane ? Math.hypot(dx, dy) - (OUTCOMES[columns.outcome[i]!] === 'failed' ? 1 : 0) : Math.abs(dx)
    if (far < least) [best, least] = [i, far]
  }
  return best
}
