import { useMemo } from 'react'
import { usePanel, useView } from '../../context.js'
import { tagsIn } from '../../model/filter.js'
import { chatsOf } from '../../model/shown.js'
import { OUTCOMES, type OutcomeKind } from '../../model/view.js'
import { beginOf } from '../../model/worddiff.js'
import { useDetails } from '../example/use-example.js'
import { OutcomeIcon, outcomeMeaning, outcomeWord } from '../outcome.js'
import type { List } from './use-found.js'

/** A number for reading: `2,000`. */
export const counted = (n: number): string => n.toLocaleString('en')

/** Most names in one choice. */
const MOST = 500

/** What the list shows: search, outcomes, chat, tag, and two ticks. */
export function Filters({ list }: { list: List }) {
  const { view, trans } = usePanel()
  const state = useView()
  const { line, annotations, query, points } = list
  const chats = useMemo(() => chatsOf(line), [line, line.length])
  const tags = useMemo(() => tagsIn(annotations), [annotations])
  const toggle = (kind: OutcomeKind) =>
    view.set({ outcomes: OUTCOMES.filter(known => state.outcomes.includes(known) !== (known === kind)) })
  const { baseline } = query
  const ticks =
    baseline === null
      ? []
      : ([
          {
            name: 'worse',
            field: 'onlyWorse',
            word: trans.__('worse'),
            title: trans.__('Only where the score is lower than %1’s', baseline),
          },
          {
            name: 'differs',
            field: 'onlyDifferent',
            word: trans.__('differs'),
            title: trans.__('Only where the answer is not %1’s (X)', baseline),
          },
        ] as const)
  return (
    <div className="lh-Filters">
      <div className="lh-Filters-row">
        <input
          {...{ type: 'search', className: 'lh-Search', value: state.search, maxLength: 1000 }}
          data-lh="search"
          placeholder={trans.__('Search texts  ( / )')}
          aria-label={trans.__('Search the examples’ texts')}
          title={trans.__('All words, in the first 1,000 characters of question, answers and reference, and in names')}
          onChange={event => view.set({ search: event.target.value })}
        />
        <output className="lh-Count" data-lh="count">
          {points.length === line.length
            ? trans.__('%1 examples', counted(line.length))
            : trans.__('%1 of %2', counted(points.length), counted(line.length))}
        </output>
      </div>
      <div className="lh-Filters-row">
        <fieldset className="lh-Toggles">
          <legend className="lh-hidden">{trans.__('Outcomes')}</legend>
          {OUTCOMES.map((kind, i) => (
            <button
              key={kind}
              {...{ type: 'button', className: 'lh-Toggle', 'aria-pressed': state.outcomes.includes(kind) }}
              data-lh={`outcome-${kind}`}
              title={`${outcomeWord(kind, trans)} (${i + 1}): ${outcomeMeaning(kind, trans)}`}
              aria-label={trans.__('Show %1 examples', outcomeWord(kind, trans))}
              onClick={() => toggle(kind)}
            >
              <OutcomeIcon kind={kind} />
            </button>
          ))}
        </fieldset>
        {chats.length > 0 && (
          <Choice
            {...{ name: 'chat', label: trans.__('Chat'), all: trans.__('all chats'), names: chats, value: state.chat }}
            onChange={chat => view.set({ chat })}
          />
        )}
        {(tags.length > 0 || state.tag !== null) && (
          <Choice
            {...{ name: 'tag', label: trans.__('Tag'), all: trans.__('all tags'), names: tags, value: state.tag }}
            onChange={tag => view.set({ tag })}
          />
        )}
        {ticks.map(({ name, field, word, title }) => (
          <Tick key={name} {...{ name, title, on: state[field] }} onChange={on => view.set({ [field]: on })}>
            {word}
          </Tick>
        ))}
      </div>
      <Searched list={list} />
    </div>
  )
}

interface ChoiceProps {
  name: string
  label: string
  all: string
  names: readonly string[]
  value: string | null
  onChange(value: string | null): void
}

/** A choice among names from a run: they may be anything, so the choice goes by their place. */
function Choice({ name, label, all, names, value, onChange }: ChoiceProps) {
  const shown =
    value === null || names.slice(0, MOST).includes(value) ? names.slice(0, MOST) : [value, ...names.slice(0, MOST)]
  return (
    <select
      {...{ className: 'lh-Select', 'aria-label': label, value: value === null ? -1 : shown.indexOf(value) }}
      data-lh={name}
      onChange={event => onChange(shown[Number(event.target.value)] ?? null)}
    >
      <option value={-1}>{all}</option>
      {shown.map((each, i) => (
        <option key={each} value={i}>
          {beginOf(each, 60)}
        </option>
      ))}
    </select>
  )
}

interface TickProps {
  name: string
  on: boolean
  title: string
  children: string
  onChange(on: boolean): void
}

const Tick = ({ name, on, title, children, onChange }: TickProps) => (
  <label className="lh-Check" title={title}>
    <input type="checkbox" checked={on} data-lh={name} onChange={event => onChange(event.target.checked)} />
    {children}
  </label>
)

/** How much of the texts was looked at, and a way to look at all. */
function Searched({ list: { judged, branch } }: { list: List }) {
  const { trans, source } = usePanel()
  const details = useDetails()
  if (!judged || judged.known === judged.of) return null
  const reason = source.cannot('example')
  return (
    <p className="lh-Notice" data-lh="searched">
      {trans.__('Searched the %1 of %2 texts that are here.', counted(judged.known), counted(judged.of))}{' '}
      {details.wantsAll(branch) && reason === null ? (
        trans.__('Loading the others…')
      ) : (
        <button
          {...{ type: 'button', className: 'lh-Button', disabled: reason !== null, title: reason ?? undefined }}
          onClick={() => details.wantAll(branch)}
        >
          {trans.__('Load all texts')}
        </button>
      )}
    </p>
  )
}
