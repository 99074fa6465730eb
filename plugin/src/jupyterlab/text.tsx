import type { TranslationBundle } from '@jupyterlab/translation'
import { useState } from 'react'

/** Characters of a text that are shown at first. */
const FIRST = 20_000

/** A text of a run: as text, cut where it is too long to draw at once. */
export function Text({ of, trans }: { of: string; trans: TranslationBundle }) {
  const [all, setAll] = useState(false)
  return (
    <pre className="lh-Text" dir="auto">
      {all ? of : of.slice(0, FIRST)}
      {!all && of.length > FIRST && (
        <button type="button" className="jp-mod-styled jp-mod-minimal" onClick={() => setAll(true)}>
          {trans.__('This text has %1 characters; the first %2 are shown. Show all', of.length, FIRST)}
        </button>
      )}
    </pre>
  )
}
