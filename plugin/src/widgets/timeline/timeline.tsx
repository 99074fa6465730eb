import { type RefObject, useEffect, useMemo, useRef } from 'react'
import { usePanel, useView } from '../../context.js'
import { pick, rangeOf } from '../../model/moves.js'
import { lineOf } from '../../model/shown.js'
import { useDetails } from '../example/use-example.js'
import type { Colours } from './colours.js'
import { useColours, useRoom, useVersion } from './hooks.js'
import { Pickers } from './pickers.js'
import { Plot } from './plot.js'
import { type Kept, type Room, sceneOf } from './scene.js'
import { Overview } from './strip.js'
import { summaryOf } from './summary.js'

/** The examples of a run along the time: their marks and scores, running means, edits, branches and chats. */
export function Timeline() {
  const { trans } = usePanel()
  const host = useRef<HTMLElement>(null)
  const room = useRoom(host as RefObject<HTMLElement>)
  const colours = useColours(host as RefObject<HTMLElement>)
  return (
    <section ref={host} className="lh-Timeline" data-lh="timeline" aria-label={trans.__('Timeline')}>
      {room && colours && <Drawing room={room} colours={colours} />}
    </section>
  )
}

function Drawing({ room, colours }: { room: Room; colours: Colours }) {
  const { source, view, trans } = usePanel()
  const state = useView()
  const run = source.store
  const version = useVersion(run, run => lineOf(run, view.state).length)
  // Texts come for the list, which asks for them.
  const { version: texts } = useDetails()
  const known = state.search.trim() !== '' || state.onlyDifferent ? texts : 0
  const kept = useRef<Kept>({ columns: new Map(), scores: null })
  // biome-ignore lint/correctness/useExhaustiveDependencies: a run changes in place, and counts its changes.
  const scene = useMemo(() => sceneOf(run, state, room, kept.current, known), [run, version, state, room, known])

  // What is picked elsewhere comes into sight; what following has moved stays when it ends.
  const { index, follow, zoom } = state
  const zoomed = useRef(zoom)
  useEffect(() => {
    // Who zooms decides what is in sight.
    const same = zoomed.current === zoom
    zoomed.current = zoom
    if (!same || follow || index === null) return
    const { zoom: moved } = pick(run, view.state, index)
    if (moved) view.set({ zoom: moved })
  }, [run, view, index, follow, zoom])
  useEffect(() => {
    const [from, to] = rangeOf(run, view.state)
    const shown = zoom.at(-1)
    if (follow && shown && (shown[0] !== from || shown[1] !== to))
      view.set({ zoom: [...zoom.slice(0, -1), [from, to]] })
  })
  return (
    <>
      <p className="lh-hidden">{summaryOf(scene, trans)}</p>
      <Plot scene={scene} colours={colours} />
      <Overview scene={scene} colours={colours} />
      <Pickers scene={scene} />
    </>
  )
}
