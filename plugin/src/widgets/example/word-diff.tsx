import { useMemo, useState } from 'react'
import { usePanel } from '../../context.js'
import { beginOf, SHOWN, wordDiff } from '../../model/worddiff.js'
import { Name, sizeOf } from '../text.js'

/** Longest that a person waits for a comparison that they asked for [ms]. */
const ASKED = 3000

interface Props {
  before: string
  after: string
  /** What the two are called. */
  from: string
  to: string
  /** Without saying which is which. */
  bare?: boolean
}

/** What turns one answer into another: removed words are struck through, added ones underlined. */
export function WordDiff({ before, after, from, to, bare = false }: Props) {
  const { trans } = usePanel()
  const [whole, setWhole] = useState(false)
  const isCut = !whole && Math.max(before.length, after.length) > SHOWN
  const parts = useMemo(() => {
    const most = whole ? Number.POSITIVE_INFINITY : SHOWN
    return wordDiff(beginOf(before, most), beginOf(after, most), whole ? ASKED : undefined)
  }, [before, after, whole])
  if (before === after)
    return (
      <p className="lh-muted" data-lh="same">
        {trans.__('The same answer as')} <Name>{from}</Name>.
      </p>
    )
  return (
    <div data-lh="diff">
      {!bare && (
        <p className="lh-Legend">
          <del className="lh-Removed">
            <Name>{from}</Name>
          </del>{' '}
          <ins className="lh-Added">
            <Name>{to}</Name>
          </ins>
        </p>
      )}
      {parts ? (
        <div className="lh-Text" dir="auto">
          {parts.map(({ kind, text }, i) => {
            const Part = ({ same: 'span', added: 'ins', removed: 'del' } as const)[kind]
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: a part has no name but its place
              <Part key={i} className={{ same: '', added: 'lh-Added', removed: 'lh-Removed' }[kind]}>
                {text}
              </Part>
            )
          })}
        </div>
      ) : (
        <p className="lh-Notice">{trans.__('The two have too little in common to be compared word by word.')}</p>
      )}
      {isCut && (
        <p className="lh-Notice">
          {trans.__('The first %1 are compared.', sizeOf(SHOWN))}{' '}
          <button type="button" className="lh-Button" onClick={() => setWhole(true)}>
            {trans.__('Show all')}
          </button>
        </p>
      )}
    </div>
  )
}
