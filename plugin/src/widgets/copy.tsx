import { short } from 'lora-harness/report'
import { useEffect, useState } from 'react'
import { usePanel } from '../context.js'

/** Puts a text on the clipboard. Pages that did not come by https have no other way than a command of the document. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const onCopy = (event: ClipboardEvent) => {
      event.preventDefault()
      event.stopImmediatePropagation()
      event.clipboardData?.setData('text/plain', text)
    }
    document.addEventListener('copy', onCopy, { capture: true, once: true })
    const done = document.execCommand('copy')
    document.removeEventListener('copy', onCopy, { capture: true })
    return done
  }
}

interface CopyProps {
  text: () => string
  label: string
  title?: string
  /** Within a line of text. */
  inline?: boolean
}

/** Copies a text, and says so. */
export function Copy({ text, label, title, inline = false }: CopyProps) {
  const { trans } = usePanel()
  const [done, setDone] = useState<boolean | null>(null)
  useEffect(() => {
    if (done === null) return
    const timer = setTimeout(() => setDone(null), 2000)
    return () => clearTimeout(timer)
  }, [done])
  const said = done === null ? label : done ? trans.__('Copied') : trans.__('Not copied')
  return (
    <>
      <button
        type="button"
        className={inline ? 'lh-Link' : 'lh-Button'}
        title={title}
        data-lh="copy"
        onClick={() => void copy(text()).then(setDone)}
      >
        {said}
      </button>
      <span role="status" className="lh-hidden">
        {done !== null && said}
      </span>
    </>
  )
}

/** Saves a text as a file. */
export function Download({ text, name }: { text: string; name: string }) {
  const { trans } = usePanel()
  const save = () => {
    const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
    const link = Object.assign(document.createElement('a'), { href: url, download: name })
    link.click()
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
  return (
    <button type="button" className="lh-Button" onClick={save}>
      {trans.__('Download')}
    </button>
  )
}

/** A hash or identifier, shortened, with the whole to copy. */
export function Id({ id }: { id: string }) {
  const { trans } = usePanel()
  return (
    <span className="lh-Id">
      <code title={id.slice(0, 500)}>{short(id).slice(0, 40)}</code>{' '}
      <Copy text={() => id} label={trans.__('copy')} inline title={trans.__('Copy the whole identifier')} />
    </span>
  )
}
