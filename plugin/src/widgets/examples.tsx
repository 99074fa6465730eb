import { usePanel, useRun, useView } from '../context.js'
import { isFiltered, NO_FILTER } from '../model/filter.js'
import { OUTCOMES } from '../model/view.js'
import { counted, Filters } from './list/filters.js'
import { Grid } from './list/grid.js'
import { type List, useFound } from './list/use-found.js'
import { outcomeWord } from './outcome.js'
import { Name } from './text.js'

/** The examples of the branch that is looked at: filter, search, sort, pick. */
export function Examples() {
  const { trans } = usePanel()
  const list = useFound()
  return (
    <section className="lh-Examples" aria-label={trans.__('List of examples')} data-lh="examples">
      <Filters list={list} />
      {list.points.length > 0 ? <Grid list={list} /> : <Empty list={list} />}
    </section>
  )
}

function Empty({ list }: { list: List }) {
  const { trans, view } = usePanel()
  const run = useRun()
  const state = useView()
  if (!isFiltered(state))
    return (
      <p className="lh-Empty" data-lh="empty">
        {run.connection.kind === 'loading' ? trans.__('Loading examples…') : trans.__('No example is finished yet.')}
      </p>
    )
  const { outcomes, chat, tag, search, onlyWorse, onlyDifferent } = state
  const names: React.ReactNode[] = [
    ...(outcomes.length < OUTCOMES.length
      ? [outcomes.map(kind => outcomeWord(kind, trans)).join(trans.__(' or ')) || trans.__('no outcome')]
      : []),
    ...(chat === null ? [] : [<Name key="chat">{chat}</Name>]),
    ...(tag === null ? [] : [<Name key="tag">{tag}</Name>]),
    ...(search.trim() === '' ? [] : [<Name key="search">{search.trim()}</Name>]),
    ...(onlyWorse ? [trans.__('worse')] : []),
    ...(onlyDifferent ? [trans.__('another answer')] : []),
  ]
  return (
    <div className="lh-Empty" data-lh="empty">
      <p>
        {trans.__('No examples match')}{' '}
        <em>
          {names.map((name, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the words have no other name
            <span key={i}>
              {i > 0 && ', '}
              {name}
            </span>
          ))}
        </em>{' '}
        {trans.__('(0 of %1).', counted(list.line.length))}
      </p>
      <button type="button" className="lh-Button" data-lh="clear" onClick={() => view.set(NO_FILTER)}>
        {trans.__('Clear filter')}
      </button>
    </div>
  )
}
