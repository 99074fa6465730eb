import { type KeyboardEvent, type RefObject, useRef } from 'react'
import { usePanel } from '../context.js'
import { type Desk, perform } from '../model/commands.js'
import { commandOf } from '../model/keys.js'
import { useDesk } from './desk.js'

/** Time in which the second key of a pair is waited for [ms]. */
const PAIR = 1000

/** What an element does itself with a key. */
const OWN: [selector: string, keys: RegExp][] = [
  ['input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable="true"]', /^(?!Escape$)/],
  ['button, summary, a, [role=tab], input', /^(Enter| )$/],
]

/** Does what a key means, wherever in the panel the focus is, but not while somebody types. @returns for `onKeyDown` */
export function useKeys(root: RefObject<HTMLElement>): (event: KeyboardEvent<HTMLElement>) => void {
  const desk: Desk = useDesk(root)
  const { hasOtherKeys } = usePanel()
  const before = useRef<{ key: string; at: number } | null>(null)
  return event => {
    if (event.defaultPrevented || event.nativeEvent.isComposing) return
    const target = event.target as Element
    if (OWN.some(([selector, keys]) => target.matches(selector) && keys.test(event.key))) return
    const begun = before.current && event.timeStamp - before.current.at < PAIR ? before.current.key : null
    const found = commandOf(event, begun)
    before.current = found.begun === null ? null : { key: found.begun, at: event.timeStamp }
    if (found.command === null || hasOtherKeys?.(found.command)) return
    event.preventDefault()
    event.stopPropagation()
    perform(found.command, desk)
  }
}
