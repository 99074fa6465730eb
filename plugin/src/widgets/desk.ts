import { type RefObject, useMemo } from 'react'
import { type PanelContext, usePanel } from '../context.js'
import type { Desk } from '../model/commands.js'

const PLACES = { filter: '[data-lh="search"]', list: '[data-lh="list"]', detail: '[data-lh="detail"]' }

/** Frames for which something is waited for that is to have the focus: it may have to be loaded and drawn first. */
const PATIENCE = 60

/** Where commands of a panel are done. @param root gives the panel's element */
export const deskOf = ({ source, view, trans }: PanelContext, root: () => HTMLElement | null): Desk => ({
  ...{ source, view, trans },
  focus(what) {
    const panel = root()
    if (what === 'panel') return panel?.focus()
    let frames = 0
    const seek = () => {
      const found = panel?.querySelector<HTMLElement>(PLACES[what])
      if (found) found.focus()
      else if (frames++ < PATIENCE) requestAnimationFrame(seek)
    }
    requestAnimationFrame(seek)
  },
  copy: text => navigator.clipboard.writeText(text),
  get address() {
    return location.href.replace(/#.*$/, '')
  },
})

/** The desk of the panel that a view stands in. @param within an element of it */
export function useDesk(within: RefObject<HTMLElement>): Desk {
  const panel = usePanel()
  return useMemo(() => deskOf(panel, () => within.current?.closest<HTMLElement>('.lh-Panel') ?? null), [panel, within])
}
