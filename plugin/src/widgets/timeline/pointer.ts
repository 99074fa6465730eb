import { type PointerEvent, type RefObject, useEffect, useRef, useState } from 'react'
import { pick, rangeOf, zoomBack, zoomBy, zoomTo } from '../../model/moves.js'
import type { RunStore } from '../../model/store.js'
import type { View } from '../../model/view.js'
import { hit } from './live.js'
import { indexAt, placeAt, type Scene } from './scene.js'

/** A press that moves less is a click [CSS px]. */
const CLICK = 4
/** Turns of the wheel that are further apart are two [ms]. */
const PAUSE = 500

/** What the mouse does on the timeline: points, picks, zooms. */
export function usePointer(area: RefObject<HTMLElement>, scene: Scene, run: RunStore, view: View) {
  const [hovered, hover] = useState<{ index: number; y: number } | null>(null)
  const [dragged, drag] = useState<readonly [number, number] | null>(null)
  const pressed = useRef<number | null>(null)
  const latest = useRef(scene)
  latest.current = scene

  const at = (event: { clientX: number; clientY: number }): [number, number] => {
    const box = area.current!.getBoundingClientRect()
    return [event.clientX - box.left, event.clientY - box.top]
  }
  const within = (x: number) => Math.max(scene.plot.left, Math.min(scene.plot.right, x))

  // React's own listener cannot keep the page from zooming.
  useEffect(() => {
    const host = area.current!
    let factor = 1
    // Turns in a row are one step on the way back.
    let back = view.state.zoom
    let turned = Number.NEGATIVE_INFINITY
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return
      event.preventDefault()
      const about = placeAt(latest.current, event.clientX - host.getBoundingClientRect().left)
      // Ranges are whole examples: small turns add up to one.
      factor *= 1.0025 ** Math.max(-200, Math.min(200, event.deltaY))
      const [from, to] = rangeOf(run, view.state)
      if (event.timeStamp - turned > PAUSE) back = view.state.zoom
      turned = event.timeStamp
      const next = zoomBy(run, view.state, factor, about, back)
      const [first, last] = next.zoom?.at(-1) ?? []
      if (first === from && last === to) return
      factor = 1
      view.set(next)
    }
    host.addEventListener('wheel', wheel, { passive: false })
    return () => host.removeEventListener('wheel', wheel)
  }, [area, run, view])

  return {
    hovered,
    dragged,
    on: {
      onPointerDown(event: PointerEvent<HTMLElement>) {
        if (event.button !== 0) return
        pressed.current = at(event)[0]
        event.currentTarget.setPointerCapture(event.pointerId)
      },
      onPointerMove(event: PointerEvent<HTMLElement>) {
        const [x, y] = at(event)
        if (pressed.current !== null && (dragged || Math.abs(x - pressed.current) >= CLICK)) {
          hover(null)
          drag([within(pressed.current), within(x)])
          return
        }
        const index = hit(scene, x, y)
        hover(index === null ? null : { index, y })
      },
      onPointerUp(event: PointerEvent<HTMLElement>) {
        const begun = pressed.current
        pressed.current = null
        drag(null)
        if (begun === null) return
        if (dragged) {
          view.set(zoomTo(run, view.state, ...(dragged.map(x => indexAt(scene, x)) as [number, number])))
          return
        }
        const index = hit(scene, ...at(event))
        if (index === null) return
        // A second one is compared with the first.
        if (event.ctrlKey || event.metaKey) view.set({ other: index, comparing: true, follow: false })
        else view.set(pick(run, view.state, index))
      },
      onPointerCancel() {
        pressed.current = null
        drag(null)
      },
      onPointerLeave: () => hover(null),
      onDoubleClick() {
        const back = zoomBack(run, view.state)
        if (back) view.set(back)
      },
    },
  }
}
