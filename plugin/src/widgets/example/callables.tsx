import { useEffect, useMemo, useState } from 'react'
import { usePanel } from '../../context.js'
import { lineDiff } from '../../model/line-diff.js'
import { beginOf, SHOWN } from '../../model/worddiff.js'
import { Id } from '../copy.js'
import { Text } from '../text.js'
import type { Shown } from './shown.js'

/** The functions that the example was made by; their sources on request. */
export function Callables({ shown: { step, line, point } }: { shown: Shown }) {
  const { trans, source } = usePanel()
  const [open, setOpen] = useState<string | null>(null)
  const reason = source.cannot('callables')
  // The last example that another finetuneFn worked on.
  const before = line
    .slice(0, line.indexOf(point))
    .findLast(({ finetuneFn }) => finetuneFn !== step.callables.finetuneFn)
  const toggle = (what: string, words: string) => (
    <button
      {...{ type: 'button', className: 'lh-Button', disabled: reason !== null, title: reason ?? undefined }}
      aria-expanded={open === what}
      onClick={() => setOpen(open === what ? null : what)}
    >
      {words}
    </button>
  )
  return (
    <section data-lh="callables">
      <h3>{trans.__('Made by')}</h3>
      <dl className="lh-List">
        {Object.entries(step.callables).map(([name, hash]) => (
          <div key={name} className="lh-List-row">
            <dt>
              <code>{name}</code>
            </dt>
            <dd>
              <Id id={hash} /> {toggle(name, trans.__('Show code'))}{' '}
              {name === 'finetuneFn' && before && (
                <>
                  {toggle('change', trans.__('Show change'))}{' '}
                  <span className="lh-muted">
                    {before.index === point.index - 1
                      ? trans.__('edited just before this example')
                      : trans.__('edited after #%1', before.index)}
                  </span>
                </>
              )}
              {open === name && <Source hash={hash} />}
              {name === 'finetuneFn' && open === 'change' && before && (
                <Change before={before.finetuneFn} after={hash} />
              )}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

type Answer = { source: string } | { error: string } | null

/** Source of a callable; null while it is on its way. */
function useSource(hash: string): Answer {
  const { source } = usePanel()
  const [answer, setAnswer] = useState<Answer>(null)
  useEffect(() => {
    let isOver = false
    const tell = (told: Answer) => isOver || setAnswer(told)
    setAnswer(null)
    source
      .ask({ type: 'callables', hash })
      .then(tell, error => tell({ error: error instanceof Error ? error.message : String(error) }))
    return () => {
      isOver = true
    }
  }, [source, hash])
  return answer
}

function Source({ hash }: { hash: string }) {
  const { trans } = usePanel()
  const answer = useSource(hash)
  if (answer === null) return <p className="lh-muted">{trans.__('Loading…')}</p>
  if ('error' in answer) return <bdi className="lh-muted">{answer.error.slice(0, 1000)}</bdi>
  return (
    <div className="lh-Code" data-lh="source">
      <Text text={answer.source} name={`${hash.slice(0, 8)}.ts`} />
    </div>
  )
}

function Change({ before, after }: { before: string; after: string }) {
  const { trans } = usePanel()
  const [old, now] = [useSource(before), useSource(after)]
  const lines = useMemo(
    () =>
      old && now && 'source' in old && 'source' in now ? lineDiff(beginOf(old.source), beginOf(now.source)) : null,
    [old, now],
  )
  if (old === null || now === null) return <p className="lh-muted">{trans.__('Loading…')}</p>
  if ('error' in old) return <bdi className="lh-muted">{old.error.slice(0, 1000)}</bdi>
  if ('error' in now) return <bdi className="lh-muted">{now.error.slice(0, 1000)}</bdi>
  if (!lines) return <p className="lh-Notice">{trans.__('The two have too little in common to be compared.')}</p>
  return (
    <div className="lh-Code" data-lh="change">
      {lines.map(({ kind, text }, i) => {
        const Line = ({ same: 'div', skipped: 'div', added: 'ins', removed: 'del' } as const)[kind]
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line has no name but its place
          <Line key={i} className={`lh-Code-line lh-Code-${kind}`}>
            <span aria-hidden="true">{{ same: ' ', skipped: ' ', added: '+', removed: '−' }[kind]}</span>
            <bdi>{text === '' ? ' ' : text}</bdi>
          </Line>
        )
      })}
      {Math.max(old.source.length, now.source.length) > SHOWN && (
        <p className="lh-Notice">{trans.__('Only the begin is compared.')}</p>
      )}
    </div>
  )
}
