import { useRef } from 'react'
import { usePanel, useView } from '../../context.js'
import { followLive } from '../../model/moves.js'
import { indexOf } from '../../model/shown.js'
import type { Colours } from './colours.js'
import { Flags } from './flags.js'
import { type Drawn, drawHistory } from './history.js'
import { useFrame } from './hooks.js'
import { Labels } from './labels.js'
import { drawLive } from './live.js'
import { usePointer } from './pointer.js'
import { type Scene, xOf, yOf } from './scene.js'
import { Tip } from './tip.js'

/** Marks and lines on one canvas, what is picked and pointed at on another one over it; words and buttons around them. */
export function Plot({ scene, colours }: { scene: Scene; colours: Colours }) {
  const { source, view } = usePanel()
  const state = useView()
  const area = useRef<HTMLDivElement>(null)
  const history = useRef<HTMLCanvasElement>(null)
  const live = useRef<HTMLCanvasElement>(null)
  const drawn = useRef<Drawn | null>(null)
  const { hovered, dragged, on } = usePointer(area, scene, source.store, view)
  useFrame(() => {
    drawn.current = drawHistory(history.current!, scene, colours, drawn.current)
    const selected = indexOf(source.store, state)
    drawLive(live.current!, scene, colours, { selected, other: state.other, hovered: hovered?.index ?? null, dragged })
  })
  const { width, height } = scene.size
  return (
    <div className="lh-Timeline-plot" style={{ height }}>
      <div ref={area} className="lh-Timeline-area" data-lh="timeline-area" aria-hidden="true" {...on}>
        <canvas ref={history} data-lh="timeline-history" style={{ width, height }} />
        <canvas ref={live} data-lh="timeline-live" style={{ width, height }} />
        <Running scene={scene} />
      </div>
      <Flags scene={scene} />
      <Labels scene={scene} />
      {scene.lanes.map(({ name, chat, y }) => (
        <span
          key={chat}
          {...{ className: 'lh-Timeline-lane', title: name }}
          style={{ left: scene.plot.right + 4, top: y, maxWidth: scene.size.width - scene.plot.right - 4 }}
        >
          {name}
        </span>
      ))}
      {hovered && <Tip scene={scene} index={hovered.index} />}
      <New scene={scene} />
    </div>
  )
}

/** A ring where the example that is being worked on will be. */
function Running({ scene }: { scene: Scene }) {
  const { state, current } = usePanel().source.store
  if (scene.branch !== current || (state?.status !== 'running' && state?.status !== 'pausing')) return null
  const { columns, plot, metric } = scene
  const mean = columns.length === 0 ? Number.NaN : columns.adapter.mean[columns.length - 1]!
  const y = metric === null || Number.isNaN(mean) ? (plot.top + plot.bottom) / 2 : yOf(scene, mean)
  // Never out of sight, wherever the timeline looks.
  const left = Math.max(plot.left + 7, Math.min(plot.right - 7, xOf(scene, columns.length)))
  return <div className="lh-Timeline-running" data-lh="timeline-running" style={{ left, top: y }} />
}

/** How many examples came since the newest was not followed any more. */
function New({ scene }: { scene: Scene }) {
  const { source, view, trans: t } = usePanel()
  const { follow } = useView()
  const seen = useRef({ branch: '', length: 0 })
  const { branch, columns, plot, size } = scene
  if (follow || seen.current.branch !== branch || source.store.connection.kind === 'loading')
    seen.current = { branch, length: columns.length }
  const fresh = columns.length - seen.current.length
  if (fresh <= 0) return null
  return (
    <button
      {...{ type: 'button', className: 'lh-Timeline-new', 'data-lh': 'timeline-new' }}
      style={{ right: size.width - plot.right + 6, top: plot.top + 2 }}
      title={t.__('Go to the newest example and follow the run')}
      onClick={() => view.set(followLive())}
    >
      {t._n('▸ %1 new', '▸ %1 new', fresh)}
    </button>
  )
}
