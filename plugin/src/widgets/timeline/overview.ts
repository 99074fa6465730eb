import type { Range } from '../../model/columns.js'
import { OUTCOMES } from '../../model/view.js'
import type { Colours } from './colours.js'
import { clearFrom, type Drawn, drawNew } from './history.js'
import { trace } from './lines.js'
import { type Grid, type Scene, xOf } from './scene.js'

export const HEIGHT = 30
const FAILED = OUTCOMES.indexOf('failed')

/** The whole run as the overview lays it out. @param whole first and last example that there is room for */
export const overviewOf = ({ plot, scores }: Scene, whole: Range): Grid => ({
  ...{ plot: { ...plot, top: 5, bottom: HEIGHT - 7 }, scores, range: whole },
  step: (plot.right - plot.left) / (whole[1] - whole[0] + 1),
})

/** Draws the mean of the whole run, where examples failed, and where it was edited. */
export function drawOverview(
  canvas: HTMLCanvasElement,
  scene: Scene,
  grid: Grid,
  colours: Colours,
  before: Drawn | null,
): Drawn {
  const { columns, marks } = scene
  const size = { ...scene.size, height: HEIGHT }
  const stamp = [columns, size.width, size.ratio, ...grid.range, ...grid.scores, marks.length, colours]
  return drawNew(canvas, size, stamp, columns.length, before, (ctx, drawn) => {
    const from = drawn === 0 ? 0 : Math.max(0, Math.floor(xOf(grid, drawn - 1) - 2))
    clearFrom(ctx, size, from)
    const { left, right } = grid.plot
    ctx.fillStyle = colours.raised
    ctx.fillRect(left, 0, right - left, HEIGHT)
    const first = Math.max(0, drawn - Math.ceil(4 / grid.step) - 2)
    ctx.beginPath()
    for (const { kind, index } of marks) if (kind === 'edit') ctx.rect(Math.round(xOf(grid, index - 0.5)), 0, 1, HEIGHT)
    ctx.fillStyle = colours.edit
    ctx.fill()
    ctx.beginPath()
    for (let i = first; i < columns.length; i++)
      if (columns.outcome[i] === FAILED) ctx.rect(Math.round(xOf(grid, i)) - 1, HEIGHT - 6, 2, 6)
    ctx.fillStyle = colours.failed
    ctx.fill()
    ctx.beginPath()
    trace(ctx, grid, columns.adapter.mean, first, columns.length - 1)
    ctx.strokeStyle = colours.quiet
    ctx.lineWidth = 1.25
    ctx.stroke()
  })
}
