import { useMemo, useState } from 'react'
import { usePanel } from '../context.js'
import { beginOf, SHOWN } from '../model/worddiff.js'
import { Download } from './copy.js'

/** How much a text is, in words: `20 kB`, `3.2 MB`. @param n [bytes] */
export const sizeOf = (n: number): string =>
  n < 999_500 ? `${Math.max(1, Math.round(n / 1000))} kB` : `${(n / 1e6).toFixed(1)} MB`

/** A text from a run, whole if it is not too long; it can only ever be text. */
export function Text({ text, name, quiet = false }: { text: string; name: string; quiet?: boolean }) {
  const { trans } = usePanel()
  const [whole, setWhole] = useState<string | null>(null)
  const isCut = text.length > SHOWN && whole !== text
  const bytes = useMemo(() => (text.length > SHOWN ? new Blob([text]).size : 0), [text])
  if (text === '') return <p className="lh-muted">{trans.__('(empty)')}</p>
  return (
    <>
      <div className={quiet ? 'lh-Text lh-Text-quiet' : 'lh-Text'} dir="auto">
        {isCut ? beginOf(text) : text}
      </div>
      {isCut && (
        <p className="lh-Notice" data-lh="cut">
          {trans.__('This text is %1; the first %2 are shown.', sizeOf(bytes), sizeOf(SHOWN))}{' '}
          <button type="button" className="lh-Button" onClick={() => setWhole(text)}>
            {trans.__('Show all')}
          </button>{' '}
          <Download text={text} name={name} />
        </p>
      )}
    </>
  )
}

/** A name from a run within a sentence: its direction of writing stays its own. */
export const Name = ({ children }: { children: string }) => (
  <bdi className="lh-Name" title={children.length > 60 ? children.slice(0, 500) : undefined}>
    {children.length > 60 ? `${beginOf(children, 59)}…` : children}
  </bdi>
)
