import type { Annotation } from 'lora-harness/protocol'
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react'
import { usePanel, useRun } from '../../context.js'
import { ownerOf } from '../../model/details.js'
import { annotationsOf, tagsIn } from '../../model/filter.js'
import { beginOf } from '../../model/worddiff.js'
import type { Shown } from './shown.js'

/** What a kernel takes of a person's words. */
const MOST = { tag: 100, tags: 50, note: 10_000 }

type Words = Pick<Annotation, 'tags' | 'note'>
const NONE: Words = { tags: [], note: '' }

/** A person's tags and note on the example. */
export function Notes({ shown: { branch, point } }: { shown: Shown }) {
  const { trans, source } = usePanel()
  const run = useRun()
  const owner = ownerOf(run, branch, point.index)
  const saved = run.annotation(owner, point.index)
  // What was told to the kernel counts until it comes back, so that a tag and a note told in a row do not undo each other.
  const [mine, setMine] = useState<Words | null>(null)
  const { tags, note } = mine ?? saved ?? NONE
  const underWay = useRef(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: what comes back is what ends it
  useEffect(() => {
    if (underWay.current === 0) setMine(null)
  }, [saved])
  const [draft, setDraft] = useState<string | null>(null)
  const [tag, setTag] = useState('')
  const [error, setError] = useState<string | null>(null)
  const known = useMemo(() => tagsIn(annotationsOf(run.events)), [run.events])
  const ids = useId()
  const reason = source.cannot('annotate')
  const isOff = reason !== null

  const save = async (about: Partial<Words>): Promise<boolean> => {
    const words = { tags, note, ...about }
    setMine(words)
    setError(null)
    underWay.current++
    try {
      await source.ask({ type: 'annotate', branch: owner, index: point.index, ...words })
      return true
    } catch (thrown) {
      setMine(null)
      setError(thrown instanceof Error ? thrown.message : String(thrown))
      return false
    } finally {
      underWay.current--
    }
  }
  const add = async () => {
    const name = tag.trim().slice(0, MOST.tag)
    if (name === '') return
    if (tags.includes(name) || (await save({ tags: [...tags, name].slice(-MOST.tags) }))) setTag('')
  }
  const onTagKey = (event: KeyboardEvent) => {
    if (event.key === 'Enter' || event.key === ',') {
      event.preventDefault()
      void add()
    }
  }
  const saveNote = async () => {
    if (draft !== null && (draft === note || (await save({ note: draft })))) setDraft(null)
  }
  return (
    <section className="lh-Notes" data-lh="notes" title={reason ?? undefined}>
      <h3 id={`${ids}head`}>{trans.__('Tags and note')}</h3>
      <div className="lh-Tags">
        {tags.map(name => (
          <span key={name} className="lh-Tag">
            <bdi title={beginOf(name, 200)}>{beginOf(name, 40)}</bdi>
            <button
              {...{ type: 'button', className: 'lh-Tag-remove', disabled: isOff }}
              aria-label={trans.__('Remove tag %1', beginOf(name, 40))}
              onClick={() => void save({ tags: tags.filter(other => other !== name) })}
            >
              ×
            </button>
          </span>
        ))}
        <input
          {...{
            className: 'lh-Tag-input',
            value: tag,
            maxLength: MOST.tag,
            list: `${ids}tags`,
            disabled: reason !== null,
          }}
          placeholder={trans.__('add a tag')}
          aria-label={trans.__('Add a tag')}
          data-lh="add-tag"
          onChange={event => setTag(event.target.value)}
          onKeyDown={onTagKey}
          onBlur={() => void add()}
        />
        <datalist id={`${ids}tags`}>
          {known.map(name => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </div>
      <textarea
        {...{ className: 'lh-Note', rows: 2, value: draft ?? note, maxLength: MOST.note, disabled: reason !== null }}
        placeholder={trans.__('A note on this example; saved when you leave the field')}
        aria-labelledby={`${ids}head`}
        dir="auto"
        data-lh="note"
        onChange={event => setDraft(event.target.value)}
        onBlur={() => void saveNote()}
      />
      <p className="lh-muted" role="status">
        {reason ?? (error !== null && trans.__('Not saved: %1', error.slice(0, 500)))}
      </p>
    </section>
  )
}
