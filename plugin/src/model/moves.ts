/**
 * What a key or the mouse does to what is looked at: each function gives the part of the view that changes, for
 * `View.set`; null if there is nowhere to go.
 */
import type { TimelinePoint } from 'lora-harness/protocol'
import { passing } from './filter.js'
import {
  baselineOf,
  branchOf,
  chatsOf,
  differenceOf,
  indexOf,
  lineOf,
  marksOf,
  metricOf,
  overlaidOf,
  type Run,
} from './shown.js'
import type { ViewState } from './view.js'

export type Move = Partial<ViewState> | null
/** Towards the newer or the older. */
export type Way = 1 | -1

/** Fewest examples that the timeline shows. */
const LEAST = 8

/** Examples that the timeline has room for: it grows by an eighth, so that new examples seldom move the others. */
export function roomOf(run: Run, view: ViewState): number {
  const examples = Math.max(...[branchOf(run, view), ...overlaidOf(run, view)].map(name => run.line(name).length))
  let room = 40
  while (room < examples) room += Math.max(8, Math.round(room / 8))
  const total = run.state?.total ?? null
  return total !== null && total >= examples ? Math.max(LEAST, Math.min(room, total)) : room
}

/** First and last example that the timeline has room for, inclusive; while the newest is followed, it is among them. */
export function rangeOf(run: Run, view: ViewState): readonly [number, number] {
  const zoomed = view.zoom.at(-1)
  if (!zoomed) return [0, roomOf(run, view) - 1]
  const [first, last] = zoomed
  const missing = view.follow ? Math.max(0, lineOf(run, view).length - 1 - last) : 0
  const by = Math.max(1, Math.ceil((last - first + 1) / 8))
  const moved = Math.ceil(missing / by) * by
  return [first + moved, last + moved]
}

/**
 * Shows these examples, inclusive.
 *
 * @param back ranges to go back to: those stay that are wider and hold them
 */
export function zoomTo(run: Run, view: ViewState, from: number, to: number, back = view.zoom): Partial<ViewState> {
  const end = roomOf(run, view) - 1
  const width = Math.min(end, Math.max(LEAST - 1, Math.round(Math.abs(to - from))))
  const first = Math.max(0, Math.min(end - width, Math.round(Math.min(from, to))))
  const last = first + width
  const wider = back.filter(([a, b]) => a <= first && b >= last && b - a > width)
  return { zoom: width === end ? [] : [...wider, [first, last]], ...hold(run, view) }
}

/** Makes the range `factor` times as wide; what is at `about` stays where it is. @param back see `zoomTo` */
export function zoomBy(run: Run, view: ViewState, factor: number, about: number, back = view.zoom): Partial<ViewState> {
  const [first, last] = rangeOf(run, view)
  return zoomTo(run, view, about - (about - first) * factor, about + (last - about) * factor, back)
}

/** The example that is looked at, if it is shown, else the middle. */
function centre(run: Run, view: ViewState): number {
  const [first, last] = rangeOf(run, view)
  const index = indexOf(run, view)
  return index !== null && index >= first && index <= last ? index : (first + last) / 2
}

export const zoomIn = (run: Run, view: ViewState): Partial<ViewState> => zoomBy(run, view, 1 / 2, centre(run, view))

export const zoomOut = (run: Run, view: ViewState): Move =>
  view.zoom.length === 0 ? null : zoomBy(run, view, 2, centre(run, view))

/** All examples; new ones are followed if they were. */
export const zoomAll = (view: ViewState): Move => (view.zoom.length === 0 ? null : { zoom: [] })

/** One range back. */
export const zoomBack = (run: Run, view: ViewState): Move =>
  view.zoom.length === 0 ? null : { zoom: view.zoom.slice(0, -1), ...hold(run, view) }

/** Picks an example; if the timeline does not show it, it moves there. */
export function pick(run: Run, view: ViewState, index: number): Partial<ViewState> {
  const [first, last] = rangeOf(run, view)
  const picked = { index, follow: false }
  if (view.zoom.length === 0 || (index >= first && index <= last)) return picked
  const half = Math.floor((last - first) / 2)
  return { ...zoomTo(run, view, index - half, index - half + (last - first)), ...picked }
}

/** New examples do not move the view any more: what is looked at stays. */
export const hold = (run: Run, view: ViewState): Partial<ViewState> => ({ follow: false, index: indexOf(run, view) })

/** The newest example of the branch that is worked on, and those that come. */
export const followLive = (): Partial<ViewState> => ({ follow: true, index: null, branch: null })

/** The nearest example in a direction that passes the filters and `fits`. */
function nearest(run: Run, view: ViewState, way: Way, fits: (point: TimelinePoint) => boolean): Move {
  const line = lineOf(run, view)
  const passes = passing(run, view)
  const from = indexOf(run, view) ?? (way === 1 ? -1 : line.length)
  for (let i = from + way; i >= 0 && i < line.length; i += way)
    if (passes?.(line[i]!) !== false && fits(line[i]!)) return pick(run, view, i)
  return null
}

export const nextExample = (run: Run, view: ViewState, way: Way): Move => nearest(run, view, way, () => true)

/** The next example that failed, or whose score is not the baseline's. */
export function nextNotable(run: Run, view: ViewState, way: Way): Move {
  const [metric, baseline] = [metricOf(run, view), baselineOf(run, view)]
  return nearest(
    run,
    view,
    way,
    point => point.outcome === 'failed' || (differenceOf(point, baseline, metric) ?? 0) !== 0,
  )
}

/** The first or last example. */
export function toEnd(run: Run, view: ViewState, way: Way): Move {
  const none = { ...view, follow: false, index: null }
  return nearest(run, none, way === 1 ? -1 : 1, () => true)
}

/** The next edit or fork: the first example after it. */
export function nextMark(run: Run, view: ViewState, way: Way): Move {
  const last = lineOf(run, view).length - 1
  const from = indexOf(run, view) ?? (way === 1 ? -1 : last + 1)
  const places = marksOf(run, branchOf(run, view)).map(mark => Math.min(mark.index, last))
  const next = way === 1 ? places.find(at => at > from) : places.findLast(at => at < from)
  return next === undefined ? null : pick(run, view, next)
}

/** The next example of the same chat. */
export function nextInLane(run: Run, view: ViewState, way: Way): Move {
  const line = lineOf(run, view)
  const at = indexOf(run, view)
  return at === null ? null : nearest(run, view, way, point => point.chatId === line[at]!.chatId)
}

/** The nearest example of the next chat lane, in the order of the chats' first examples. */
export function nextLane(run: Run, view: ViewState, way: Way): Move {
  const line = lineOf(run, view)
  const chats = chatsOf(line)
  const at = indexOf(run, view)
  if (at === null) return chats.length === 0 ? null : nextExample(run, view, -1)
  const here = chats.indexOf(line[at]!.chatId ?? '')
  const lane = here < 0 ? chats.at(way === 1 ? 0 : -1) : chats[here + way]
  if (lane === undefined) return null
  const found = ([1, -1] as const).flatMap(
    side => nearest(run, view, side, point => point.chatId === lane)?.index ?? [],
  )
  found.sort((a, b) => Math.abs(a - at) - Math.abs(b - at))
  return found[0] === undefined ? null : pick(run, view, found[0])
}
