import type { TimelinePoint } from 'lora-harness/protocol'
import { useState } from 'react'
import { usePanel, useRun, useView } from '../context.js'
import { indexOf } from '../model/shown.js'
import { CompareMetrics } from './compare/metrics.js'
import { PairAnswers } from './compare/pair-answers.js'
import { PairRow } from './compare/pair-row.js'
import { type Comparison, useChanges, useJoined } from './compare/use-joined.js'
import { useDetails } from './example/use-example.js'
import { counted } from './list/filters.js'
import { Name } from './text.js'

/** Most pairs that are listed, and most examples without a partner. */
const MOST = 100

/** The branch that is looked at beside another one, or beside a baseline, example by example. */
export function Compare() {
  const { trans } = usePanel()
  const { comparing } = useView()
  const comparison = useJoined()
  if (!comparing) return null
  return (
    <section className="lh-Compare" aria-label={trans.__('Comparison')} data-lh="comparison">
      {comparison ? (
        <Compared comparison={comparison} />
      ) : comparison === undefined ? (
        <p className="lh-Empty">{trans.__('Comparing…')}</p>
      ) : (
        <p className="lh-Empty">
          {trans.__('There is nothing to compare with: the run has no baseline, and no other branch is picked.')}
        </p>
      )}
    </section>
  )
}

function Compared({ comparison }: { comparison: Comparison }) {
  const { trans, view } = usePanel()
  const run = useRun()
  const state = useView()
  const [by, setBy] = useState<'score' | 'answer'>('score')
  const changes = useChanges(comparison, by)
  const { branch, name, pairs } = comparison
  const selected = indexOf(run, state)
  // The one that is looked at, if both have it; at first the one that changed most.
  const pair = pairs.find(({ point }) => !state.follow && point.index === selected) ?? changes.pairs[0] ?? pairs.at(-1)
  return (
    <>
      <header className="lh-Heading">
        <h2 className="lh-Heading-name">
          <Name>{branch}</Name> <span className="lh-muted">{trans.__('compared with')}</span> <Name>{name}</Name>
        </h2>
        <span className="lh-Heading-buttons">
          <button type="button" className="lh-Button" title="C" onClick={() => view.set({ comparing: false })}>
            {trans.__('Close')}
          </button>
        </span>
      </header>
      <Joint comparison={comparison} />
      <CompareMetrics comparison={comparison} />
      <div className="lh-Compare-columns">
        <div className="lh-Compare-list">
          <h3>
            {trans.__('Changed most by')}{' '}
            {(['score', 'answer'] as const).map(each => (
              <button
                key={each}
                {...{ type: 'button', className: 'lh-Link', 'aria-pressed': by === each, 'data-lh': `by-${each}` }}
                onClick={() => setBy(each)}
              >
                {each === 'score' ? trans.__('score') : trans.__('answer')}
              </button>
            ))}
          </h3>
          {by === 'answer' && <Known comparison={comparison} known={changes.known} />}
          {changes.pairs.length === 0 ? (
            <p className="lh-muted">
              {by === 'score' ? trans.__('No score differs.') : trans.__('No answer differs, of those that are here.')}
            </p>
          ) : (
            <ol className="lh-Pairs">
              {changes.pairs.slice(0, MOST).map(each => (
                <PairRow key={each.point.index} pair={each} comparison={comparison} />
              ))}
            </ol>
          )}
          {changes.pairs.length > MOST && (
            <p className="lh-muted">{trans.__('%1 of %2', MOST, counted(changes.pairs.length))}</p>
          )}
        </div>
        <div className="lh-Compare-pair">
          {pair ? (
            <PairAnswers key={pair.point.index} pair={pair} comparison={comparison} />
          ) : (
            <p className="lh-Empty">{trans.__('Pick an example to see both answers.')}</p>
          )}
        </div>
      </div>
    </>
  )
}

/** How many examples are compared, and which are not. */
function Joint({ comparison: { pairs, shared, unmatched, branch, name, other } }: { comparison: Comparison }) {
  const { trans } = usePanel()
  return (
    <div className="lh-Joint" data-lh="joint">
      <p>
        {trans._n('%1 example in both', '%1 examples in both', pairs.length, counted(pairs.length))}
        {shared > 0 && (
          <span className="lh-muted">
            {'; '}
            {trans._n(
              '%1 from before the branches part is the same and left out',
              '%1 from before the branches part are the same and left out',
              shared,
              counted(shared),
            )}
          </span>
        )}
      </p>
      <Unmatched
        points={unmatched.here}
        words={'branch' in other ? trans.__('only on') : trans.__('without an answer of')}
      >
        {'branch' in other ? branch : name}
      </Unmatched>
      <Unmatched points={unmatched.there} words={trans.__('only on')}>
        {name}
      </Unmatched>
    </div>
  )
}

function Unmatched({ points, words, children }: { points: TimelinePoint[]; words: string; children: string }) {
  if (points.length === 0) return null
  const listed = points.slice(0, MOST).map(({ index }) => `#${index}`)
  return (
    <details data-lh="unmatched">
      <summary>
        {counted(points.length)} {words} <Name>{children}</Name>
      </summary>
      <p className="lh-muted">
        {listed.join(', ')}
        {points.length > MOST && ' …'}
      </p>
    </details>
  )
}

/** Of how many pairs the answers were compared, and a way to compare all. */
function Known({ comparison, known }: { comparison: Comparison; known: number }) {
  const { trans, source } = usePanel()
  const details = useDetails()
  const { pairs, branch, other } = comparison
  if (known === pairs.length) return null
  const reason = source.cannot('example')
  const branches = 'branch' in other ? [branch, other.branch] : [branch]
  return (
    <p className="lh-Notice" data-lh="known">
      {trans.__('Answers of %1 of %2 pairs are here.', counted(known), counted(pairs.length))}{' '}
      {branches.every(name => details.wantsAll(name)) ? (
        trans.__('Loading the others…')
      ) : (
        <button
          {...{ type: 'button', className: 'lh-Button', disabled: reason !== null, title: reason ?? undefined }}
          onClick={() => {
            for (const name of branches) details.wantAll(name)
          }}
        >
          {trans.__('Load all texts')}
        </button>
      )}
    </p>
  )
}
