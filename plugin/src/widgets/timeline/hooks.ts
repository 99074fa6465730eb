import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { RunStore } from '../../model/store.js'
import { type Colours, coloursOf, onTheme } from './colours.js'
import type { Room } from './scene.js'

/** Examples from which on new ones are drawn `SLOW` ms apart or more. */
const MANY = 20_000
const SLOW = 100

/** Counts changes of a run; seldom for a long one, and not while the page is hidden. @param examples how long it is */
export function useVersion(run: RunStore, examples: (run: RunStore) => number): number {
  const shown = useRef(run.version)
  const length = useRef(examples)
  length.current = examples
  const subscribe = useCallback(
    (tell: () => void) => {
      let last = 0
      let timer: ReturnType<typeof setTimeout> | undefined
      const now = () => {
        timer = undefined
        last = performance.now()
        shown.current = run.version
        tell()
      }
      const changed = () => {
        if (document.hidden || timer !== undefined || shown.current === run.version) return
        const wait = length.current(run) > MANY ? last + SLOW - performance.now() : 0
        if (wait <= 0) now()
        else timer = setTimeout(now, wait)
      }
      const end = run.subscribe(changed)
      document.addEventListener('visibilitychange', changed)
      changed()
      return () => {
        end()
        clearTimeout(timer)
        document.removeEventListener('visibilitychange', changed)
      }
    },
    [run],
  )
  return useSyncExternalStore(subscribe, () => shown.current)
}

/** JupyterLab's own size of text [CSS px]. */
const TEXT = 13

/** Width of an element; another value whenever its canvases have to be drawn anew. Null until it is known. */
export function useRoom(element: RefObject<HTMLElement>): Room | null {
  const [room, set] = useState<Room | null>(null)
  useLayoutEffect(() => {
    const host = element.current!
    // A canvas that was out of sight may have lost its picture, so a value as before counts too.
    const measure = () => {
      const width = Math.floor(host.clientWidth)
      const text = Number.parseFloat(getComputedStyle(host).fontSize) / TEXT
      set(width > 0 ? { width, ratio: window.devicePixelRatio, text } : null)
    }
    const resized = new ResizeObserver(measure)
    const seen = new IntersectionObserver(entries => entries.at(-1)!.isIntersecting && measure())
    resized.observe(host)
    seen.observe(host)
    // Zooming the page, or taking it to another screen.
    const ratio = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`)
    ratio.addEventListener('change', measure)
    measure()
    return () => {
      resized.disconnect()
      seen.disconnect()
      ratio.removeEventListener('change', measure)
    }
  }, [element])
  return room
}

/** Colours of the theme that is on. */
export function useColours(element: RefObject<HTMLElement>): Colours | null {
  const [colours, set] = useState<Colours | null>(null)
  useLayoutEffect(() => {
    const read = () => set(coloursOf(element.current!))
    read()
    return onTheme(read)
  }, [element])
  return colours
}

/** Draws at the next frame, once however often it is asked to; the last drawing asked for counts. */
export function useFrame(draw: () => void): void {
  const latest = useRef(draw)
  const frame = useRef(0)
  useLayoutEffect(() => {
    latest.current = draw
    frame.current ||= requestAnimationFrame(() => {
      frame.current = 0
      latest.current()
    })
  })
  useEffect(() => () => cancelAnimationFrame(frame.current), [])
}
