import type { CardDifference } from 'lora-harness/protocol'
import { score, signed } from 'lora-harness/report'
import { useMemo, useState, useSyncExternalStore } from 'react'
import { Context } from '../context.js'
import { OUTCOMES, View } from '../model/view.js'
import { cardSource } from '../sources/card.js'
import { Detail } from '../widgets/example/detail.js'
import { Icon } from '../widgets/icons.js'
import { OutcomeIcon, outcomeWord } from '../widgets/outcome.js'
import { Timeline } from '../widgets/timeline/timeline.js'
import type { CardProps } from './card.js'
import { useHost } from './use-host.js'

/** A run as its notebook holds it: its numbers, its timeline, and the example that is picked there. */
export function RunCardView({ card, trans }: CardProps<'run' | 'timeline'>) {
  const source = useMemo(() => cardSource(card), [card])
  // Nothing is picked as long as the card follows: what comes while its cell runs is shown, and no drawer opens.
  const [view] = useState(() => new View())
  const { index, follow } = useSyncExternalStore(view.subscribe, () => view.state)
  const picked = follow ? null : index
  const host = useHost(card.id, card.runId)
  const { summary, branches, events, status, branch, seed, folder, error } = card
  const edits = events.filter(({ type }) => type === 'swap').length
  const close = () => view.set({ index: null, follow: true })
  return (
    <Context.Provider value={{ source, view, trans }}>
      <header className="lh-Card-head">
        <p className="lh-Card-title">
          <bdi>{trans.__('LoRA run %1 · %2 · %3', card.id, branch, trans.__(status))}</bdi>
          <span>{trans._n('%1 example', '%1 examples', summary.examples)}</span>
        </p>
        <p className="lh-Card-numbers" data-lh="card-numbers">
          {summary.score !== null && (
            <span>
              {trans.__('%1 ', summary.metric)}
              <b>{score(summary.score)}</b>
            </span>
          )}
          {summary.baselines.map(({ name, score: of, difference }) => (
            <span key={name}>
              <bdi>{trans.__('%1 %2', name, score(of))}</bdi> {difference && words(difference, trans)}
            </span>
          ))}
          {OUTCOMES.filter(kind => summary.outcomes[kind] > 0).map(kind => (
            <span key={kind} className="lh-Card-count" data-lh={`card-${kind}`}>
              <OutcomeIcon kind={kind} /> {summary.outcomes[kind]} {outcomeWord(kind, trans)}
            </span>
          ))}
          {edits > 0 && <span>✎ {trans._n('%1 edit', '%1 edits', edits)}</span>}
          {branches.length > 1 && (
            <span className="lh-Card-count">
              <Icon name="fork" /> {trans._n('%1 branch', '%1 branches', branches.length)}
            </span>
          )}
        </p>
      </header>
      {error !== null && <p className="lh-Card-error">{error.slice(0, 2000)}</p>}
      {summary.examples > 0 && (
        <div className="lh-Card-timeline">
          <Timeline />
        </div>
      )}
      {picked !== null && (
        <div className="lh-Card-drawer" data-lh="card-drawer">
          <button
            {...{
              type: 'button',
              className: 'lh-Card-close lh-Button lh-mod-bare',
              title: trans.__('Close'),
              onClick: close,
            }}
            data-lh="card-close"
          >
            <Icon name="close" />
          </button>
          <Detail />
        </div>
      )}
      <footer className="lh-Card-foot">
        <bdi>{trans.__('%1 · seed %2', card.runId, seed)}</bdi>
        {folder !== null && <bdi>{folder}</bdi>}
        {host && (
          <button
            {...{ type: 'button', className: 'lh-Button', 'data-lh': 'open-in-panel' }}
            onClick={() => host.open(card.id, picked === null ? null : { branch, index: picked + card.columns.from })}
          >
            {trans.__('Open in panel')}
          </button>
        )}
      </footer>
    </Context.Provider>
  )
}

/** `+0.09 [+0.05, +0.13]`, and what not to read into it. */
function words({ mean, low, high, n, verdict }: CardDifference, trans: CardProps['trans']): string {
  const few = verdict === 'few' ? `, ${trans.__('n = %1, too few to say', n)}` : ''
  const none = verdict === 'none' ? `, ${trans.__('no clear difference')}` : ''
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]${few}${none}`
}
