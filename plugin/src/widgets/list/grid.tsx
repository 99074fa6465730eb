import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import type { TimelinePoint } from 'lora-harness/protocol'
import {
  type KeyboardEvent,
  type MouseEvent,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { usePanel, useRun, useView } from '../../context.js'
import { placeIn, type Query } from '../../model/filter.js'
import { pick } from '../../model/moves.js'
import { indexOf } from '../../model/shown.js'
import { useDetails } from '../example/use-example.js'
import { Head } from './head.js'
import { GROUP } from './roles.js'
import { Row } from './row.js'
import type { List } from './use-found.js'

/** Least height of a row, which is what a finger or an unsteady hand needs [px]. */
const LEAST = 24

/** The examples as rows: only those in sight are in the page. Rows that come move nothing that is in sight. */
export function Grid({ list }: { list: List }) {
  const { view, trans, source } = usePanel()
  const run = useRun()
  const state = useView()
  const details = useDetails()
  const { points, branch, query, line } = list
  const id = useId()
  const box = useRef<HTMLDivElement>(null)
  const [height, setHeight] = useState(LEAST)
  const selected = indexOf(run, state)
  const active = useMemo(
    () => (selected === null ? -1 : placeIn(points, selected, query.sort)),
    [points, selected, query.sort],
  )
  const rows = useVirtualizer({
    ...{ count: points.length, getScrollElement: () => box.current, estimateSize: () => height, overscan: 6 },
    // The head lies over the first row's height of what is scrolled.
    ...{ scrollMargin: height, scrollPaddingStart: height, useFlushSync: false },
    getItemKey: place => points[place]?.index ?? place,
    rangeExtractor: range => {
      const shown = defaultRangeExtractor(range)
      // What has the focus stays in the page.
      return active < 0 || shown.includes(active) ? shown : [...shown, active].sort((a, b) => a - b)
    },
  })
  useLayoutEffect(() => {
    const em = Number.parseFloat(getComputedStyle(box.current!).fontSize)
    setHeight(Math.max(LEAST, Math.round(em * 1.85)))
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured anew when the height of a row is known
  useLayoutEffect(() => rows.measure(), [height])

  // Following, the newest is kept in sight; in another order it may be anywhere.
  const isFollowing = state.follow && state.sort.by === 'index'
  useKeptPlace(box, points, height, isFollowing, branch, query)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another selection moves the list, new rows do not
  useEffect(() => {
    if (active >= 0 && (!state.follow || isFollowing)) rows.scrollToIndex(active, { align: 'auto' })
  }, [state.follow ? null : selected, isFollowing && active])

  const items = rows.getVirtualItems()
  const [first, last] = [items[0]?.index ?? 0, items.at(-1)?.index ?? -1]
  // biome-ignore lint/correctness/useExhaustiveDependencies: `first` and `last` stand for the items
  useEffect(() => {
    const shown = items.flatMap(({ index }) => points[index] ?? [])
    // Scrolling past many rows asks for none of them.
    const timer = setTimeout(() => details.want(branch, shown), 60)
    return () => clearTimeout(timer)
  }, [details, branch, points, first, last])

  const go = (place: number) => {
    const point = points[Math.max(0, Math.min(points.length - 1, place))]
    if (point) view.set(pick(run, state, point.index))
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((box.current!.clientHeight - height) / height) - 1)
    const places: Record<string, number> = {
      ...{ ArrowDown: active + 1, ArrowUp: active < 0 ? 0 : active - 1, Home: 0, End: points.length - 1 },
      ...{ PageDown: active + page, PageUp: active - page },
    }
    const place = places[event.key]
    if (place === undefined || event.altKey || event.shiftKey || event.metaKey) return
    event.preventDefault()
    event.stopPropagation()
    go(place)
  }
  const onClick = (event: MouseEvent) => {
    const row = (event.target as Element).closest<HTMLElement>('[data-lh="row"]')
    if (!row) return
    const index = Number(row.dataset.index)
    if (event.ctrlKey || event.metaKey) view.set({ other: index === selected ? null : index })
    else view.set({ ...pick(run, state, index), other: null })
  }
  const hasChats = line[0]?.chatId !== null || line.at(-1)?.chatId !== null
  const unavailable = source.cannot('example')
  const columns = `lh-Grid${query.baseline === null ? ' lh-mod-alone' : ''}${hasChats ? '' : ' lh-mod-chatless'}`
  return (
    <div
      {...{ ref: box, className: columns, onKeyDown, onClick, tabIndex: 0 }}
      {...{ role: 'grid', 'aria-label': trans.__('Examples'), 'aria-rowcount': points.length + 1 }}
      {...(active >= 0 && { 'aria-activedescendant': `${id}${points[active]!.index}` })}
      data-lh="list"
    >
      <Head hasChats={hasChats} baseline={query.baseline} height={height} />
      <div {...GROUP} className="lh-Grid-rows" style={{ height: rows.getTotalSize() }}>
        {items.map(({ index: place, start }) => {
          const point = points[place] as TimelinePoint
          return (
            <Row
              key={point.index}
              {...{ id: `${id}${point.index}`, point, place: place + 2, top: start - height, height, hasChats }}
              {...{ metric: query.metric, baseline: query.baseline, selected: place === active }}
              other={point.index === state.other}
              texts={details.texts(point)}
              error={details.get(point).error ?? unavailable}
              annotation={list.annotation(point)}
            />
          )
        })}
      </div>
    </div>
  )
}

/** Keeps the first row in sight where it is when rows come or go; another question begins at the top. */
function useKeptPlace(
  box: React.RefObject<HTMLDivElement>,
  points: readonly TimelinePoint[],
  height: number,
  follow: boolean,
  branch: string,
  query: Query,
): void {
  const question = JSON.stringify([branch, query])
  const { sort } = query
  const before = useRef({ points, question })
  useLayoutEffect(() => {
    const { points: old, question: asked } = before.current
    before.current = { points, question }
    const list = box.current
    if (!list || old === points) return
    if (asked !== question) list.scrollTop = 0
    else if (!follow) {
      const first = old[Math.floor(list.scrollTop / height)]
      const now = first ? placeIn(points, first.index, sort) : -1
      if (now < 0) return
      list.scrollTop += (now - Math.floor(list.scrollTop / height)) * height
      // The rows that are in sight now are drawn before anyone sees it; the browser would tell one frame later.
      list.dispatchEvent(new Event('scroll'))
    }
  }, [box, points, height, follow, question, sort])
}
