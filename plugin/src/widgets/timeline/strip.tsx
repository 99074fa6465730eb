import { type PointerEvent, useRef } from 'react'
import { usePanel, useView } from '../../context.js'
import type { Range } from '../../model/columns.js'
import { rangeOf, zoomAll, zoomTo } from '../../model/moves.js'
import type { Colours } from './colours.js'
import type { Drawn } from './history.js'
import { useFrame } from './hooks.js'
import { drawOverview, HEIGHT, overviewOf } from './overview.js'
import { placeAt, type Scene, xOf } from './scene.js'

/** How near to an edge of the window it is that edge that is moved [CSS px]. */
const EDGE = 6

/** The whole run, small, and a window that says what of it the timeline shows: drag it, its edges, or a new one. */
export function Overview({ scene, colours }: { scene: Scene; colours: Colours }) {
  const { source, view } = usePanel()
  const state = useView()
  const run = source.store
  const canvas = useRef<HTMLCanvasElement>(null)
  const drawn = useRef<Drawn | null>(null)
  /** Moves the window, or draws one from `anchor` on. */
  const grip = useRef<{ anchor: number } | { moves: Range; from: number } | null>(null)
  /** Ranges to go back to when it is let go. */
  const back = useRef(state.zoom)
  const grid = overviewOf(scene, rangeOf(run, { ...state, zoom: [] }))
  useFrame(() => {
    drawn.current = drawOverview(canvas.current!, scene, grid, colours, drawn.current)
  })
  const [from, to] = scene.range
  const edges = [xOf(grid, from - 0.5), xOf(grid, to + 0.5)] as const
  const zoomed = state.zoom.length > 0
  const at = (event: PointerEvent<HTMLElement>) => event.clientX - event.currentTarget.getBoundingClientRect().left
  const on = {
    onPointerDown(event: PointerEvent<HTMLElement>) {
      if (event.button !== 0) return
      const x = at(event)
      event.currentTarget.setPointerCapture(event.pointerId)
      back.current = state.zoom
      const edge = zoomed ? edges.findIndex(edge => Math.abs(edge - x) <= EDGE) : -1
      if (edge >= 0) grip.current = { anchor: edge === 0 ? to : from }
      else if (zoomed && x > edges[0] && x < edges[1]) grip.current = { moves: scene.range, from: placeAt(grid, x) }
      else grip.current = { anchor: placeAt(grid, x) }
    },
    onPointerMove(event: PointerEvent<HTMLElement>) {
      const held = grip.current
      if (!held) return
      const place = placeAt(grid, at(event))
      if ('moves' in held) {
        const by = Math.round(place - held.from)
        view.set(zoomTo(run, state, held.moves[0] + by, held.moves[1] + by, back.current))
      } else if (Math.abs(place - held.anchor) * grid.step >= 4)
        view.set(zoomTo(run, state, held.anchor, place, back.current))
    },
    onPointerUp() {
      grip.current = null
    },
    onPointerCancel() {
      grip.current = null
    },
    onDoubleClick: () => view.set(zoomAll(state) ?? {}),
  }
  return (
    <div
      {...{ className: 'lh-Timeline-overview', 'data-lh': 'timeline-overview', 'aria-hidden': true }}
      style={{ height: HEIGHT }}
      {...on}
    >
      <canvas ref={canvas} style={{ width: scene.size.width, height: HEIGHT }} />
      {zoomed && (
        <div className="lh-Timeline-window" style={{ left: edges[0], width: Math.max(6, edges[1] - edges[0]) }} />
      )}
    </div>
  )
}
