import { type RefObject, useMemo } from 'react'
import { type PanelContext, usePanel } from '../context.js'
import type { Desk } from '../model/commands.js'

const PLACES = {
  filter: '[data-lh="filter"], [data-lh="search"], .lh-Column-list input',
  list: '[data-lh="list"], .lh-Column-list [tabindex="0"]',
  detail: '[data-lh="detail"], .lh-Column-detail [role="tab"][aria-selected="true"]',
}

/** Where commands of a panel are done. @param root gives the panel's element */
export const deskOf = ({ source, view, trans }: PanelContext, root: () => HTMLElement | null): Desk => ({
  ...{ source, view, trans },
  focus(what) {
    const panel = root()
    // What is to have the focus may have to be drawn first.
    requestAnimationFrame(() => (what === 'panel' ? panel : panel?.querySelector<HTMLElement>(PLACES[what]))?.focus())
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
