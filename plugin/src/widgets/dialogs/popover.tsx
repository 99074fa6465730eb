import { type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from 'react'
import { usePanel } from '../../context.js'
import { Icon } from '../icons.js'

/**
 * Something asked or shown over the panel, under the button that it belongs to. It takes the focus and gives it back; Esc
 * and its cross close it and nothing happens.
 *
 * @param by `data-lh` of the button; what has the focus by default
 */
export function Popover({ by, title, children }: { by?: string; title: string; children: ReactNode }) {
  const { trans: t, view } = usePanel()
  const box = useRef<HTMLDivElement>(null)
  const name = useId()
  const [place, put] = useState({ left: 8, top: 8 })
  useLayoutEffect(() => {
    const panel = box.current!.closest('.lh-Panel')!
    const opener = by === undefined ? document.activeElement : panel.querySelector(`[data-lh="${by}"]`)
    const button = opener !== panel && panel.contains(opener) ? opener?.getBoundingClientRect() : undefined
    const [outer, own] = [panel.getBoundingClientRect(), box.current!.getBoundingClientRect()]
    const under = button?.width ? button : { left: outer.left, bottom: outer.top + 40 }
    const left = Math.max(8, Math.min(under.left - outer.left, outer.width - own.width - 8))
    const top = Math.max(8, Math.min(under.bottom - outer.top + 4, outer.height - own.height - 8))
    put({ left, top: top + panel.scrollTop })
  }, [by])
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    const panel = box.current!.closest<HTMLElement>('.lh-Panel')!
    const first = box.current!.querySelector<HTMLElement>('input, [data-first]') ?? box.current!
    first.focus({ preventScroll: true })
    return () => (before?.isConnected && panel.contains(before) ? before : panel).focus({ preventScroll: true })
  }, [])
  return (
    <div ref={box} role="dialog" className="lh-Popover" tabIndex={-1} style={place} aria-labelledby={name}>
      <header>
        <h3 id={name}>{title}</h3>
        <button
          {...{ type: 'button', className: 'lh-Button lh-mod-bare', title: t.__('Close') }}
          aria-label={t.__('Close')}
          data-lh="close"
          onClick={() => view.set({ dialog: null })}
        >
          <Icon name="close" />
        </button>
      </header>
      {children}
    </div>
  )
}
