import type { KeyboardEvent, PointerEvent } from 'react'
import { usePanel, useView } from '../context.js'
import { FIRST_VIEW } from '../model/view.js'

/** Least share that a column keeps, and how far a key moves. */
const [LEAST, STEP] = [0.12, 0.02]

/** Between two columns: drag it, or move it by ← and →; double-click or Home puts it back. */
export function Splitter({ side }: { side: 'list' | 'adapter' }) {
  const { trans: t, view } = usePanel()
  const { columns } = useView()
  const at = side === 'list' ? 0 : 1
  const [own, other] = [columns[at]!, columns[1 - at]!]
  const to = (share: number) => {
    const kept = Math.max(LEAST, Math.min(1 - other - LEAST, share))
    view.set({ columns: at === 0 ? [kept, other] : [other, kept] })
  }
  const drag = (event: PointerEvent<HTMLElement>) => {
    const { left, right, width } = event.currentTarget.parentElement!.getBoundingClientRect()
    if (event.buttons === 1) to((at === 0 ? event.clientX - left : right - event.clientX) / width)
  }
  const press = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key]
    if (by === undefined && event.key !== 'Home') return
    event.preventDefault()
    to(by === undefined ? FIRST_VIEW.columns[at]! : own + (at === 0 ? by : -by))
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a separator that can be moved is no <hr>.
    <div
      role="separator"
      tabIndex={0}
      className="lh-Splitter"
      data-lh={`splitter-${side}`}
      aria-orientation="vertical"
      aria-label={side === 'list' ? t.__('Width of the example list') : t.__('Width of the adapter')}
      aria-valuenow={Math.round(own * 100)}
      aria-valuemin={LEAST * 100}
      aria-valuemax={Math.round((1 - other - LEAST) * 100)}
      onPointerDown={event => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onDoubleClick={() => to(FIRST_VIEW.columns[at]!)}
      onKeyDown={press}
    />
  )
}
