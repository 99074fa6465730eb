import { signed } from 'lora-harness/report'
import type { ReactNode } from 'react'
import { usePanel, useRun, useView } from '../context.js'
import {
  ENOUGH,
  type Interval,
  intervalOf,
  outcomesOf,
  recentScore,
  type Subject,
  sinceEditOf,
  subjectOf,
} from '../model/numbers.js'
import { branchOf } from '../model/shown.js'
import { OUTCOMES } from '../model/view.js'
import type { Words } from '../model/words.js'
import { usePaced } from './paced.js'

/** Five numbers: the score, what it is worth, what came of the examples, what failed, and what the last edit did. */
export function Numbers() {
  const { trans: t, view } = usePanel()
  const run = useRun()
  const state = useView()
  const subject = subjectOf(run, state)
  const { line, metric, other } = subject
  const recent = recentScore(line, metric, state.window)
  const counts = outcomesOf(line)
  const about = JSON.stringify([branchOf(run, state), metric, other, subject.from])
  const size = line.length + run.events.length
  const costly = usePaced(about, size, () => ({ interval: intervalOf(subject), edit: sinceEditOf(run, state) }))
  const edit = costly?.edit
  const onlyFailed = state.outcomes.length === 1 && state.outcomes[0] === 'failed'
  return (
    <section className="lh-Numbers" aria-label={t.__('Numbers')} data-lh="numbers">
      <Tile name="score" what={metric ?? t.__('score')} value={recent ? recent.mean.toFixed(2) : '–'}>
        {recent ? t.__('mean of last %1', recent.n) : t.__('nothing scored yet')}
      </Tile>
      <Difference interval={costly?.interval ?? null} {...subject} scored={recent !== null} />
      <Tile name="outcomes" what={t.__('updated')} value={String(counts.updated)}>
        {t.__('unchanged %1 · skipped %2', counts.unchanged, counts.skipped)}
      </Tile>
      <Tile name="failed" what={t.__('failed')} value={String(counts.failed)} loud={counts.failed > 0}>
        {counts.failed > 0 ? (
          <button
            type="button"
            className="lh-Link"
            data-lh="show-failed"
            aria-pressed={onlyFailed}
            onClick={() => view.set(onlyFailed ? { outcomes: OUTCOMES } : { outcomes: ['failed'], drawer: true })}
          >
            {onlyFailed ? t.__('show all') : t.__('show')}
          </button>
        ) : (
          t.__('none so far')
        )}
      </Tile>
      <Tile
        name="edit"
        what={edit ? t.__('since your edit ✎%1 (#%2)', edit.edit, edit.index) : t.__('since your last edit')}
        value={edit && edit.n >= ENOUGH ? signed(edit.after - edit.before) : '–'}
        title={t.__('Mean after the edit minus mean of as many examples before it. They are different examples.')}
      >
        {edit === undefined || edit === null
          ? t.__('no edit yet')
          : edit.n < ENOUGH
            ? t.__('n = %1, too few to say', edit.n)
            : `${t.__('± %1 (%2 examples each side)', edit.half.toFixed(2), edit.n)}${
                Math.abs(edit.after - edit.before) > edit.half ? '' : ` ${t.__('not clear')}`
              }`}
      </Tile>
    </section>
  )
}

function Difference(props: Pick<Subject, 'other' | 'against'> & { interval: Interval | null; scored: boolean }) {
  const { trans: t, view } = usePanel()
  const { interval, other, against, scored } = props
  const what = t.__('vs %1', other ?? t.__('base'))
  if (!interval) {
    const why =
      other === null ? t.__('no baseline') : scored ? t.__('no example in common') : t.__('nothing scored yet')
    return (
      <Tile name="difference" what={what} value="–">
        {why}
      </Tile>
    )
  }
  const { mean, low, high, n, missing } = interval
  const gap = gapOf(interval, other!, t)
  const clear = low > 0 || high < 0
  return (
    <Tile
      {...{ name: 'difference', what, value: n < ENOUGH ? '–' : signed(mean) }}
      title={missing > 0 ? gap : t.__('Mean difference over the same %1 examples, with its 95 % interval.', n)}
    >
      {n < ENOUGH
        ? t.__('n = %1, too few to say', n)
        : `[${signed(low)}, ${signed(high)}]${clear ? '' : ` ${t.__('not clear')}`}`}
      {missing > 0 && <span data-lh="missing"> · {t.__('on %1 of %2', n, n + missing)}</span>}
      {missing > 0 && against === 'baseline' && (
        <>
          {' · '}
          <button
            {...{ type: 'button', className: 'lh-Link', 'data-lh': 'baseline' }}
            onClick={() => view.set({ dialog: view.state.dialog === 'baseline' ? null : 'baseline' })}
          >
            {t.__('score the rest')}
          </button>
        </>
      )}
    </Tile>
  )
}

/** On how many examples a difference stands, and on how many not. */
export const gapOf = ({ n, missing }: Interval, other: string, t: Words): string =>
  t.__(
    '%1 is not scored yet for %2 of %3 examples; the difference uses the other %4.',
    ...[other, missing, n + missing, n],
  )

/** One number, what it is, and what to know of it. */
function Tile(props: {
  name: string
  what: string
  value: string
  loud?: boolean
  title?: string
  children: ReactNode
}) {
  const { name, what, value, loud, title, children } = props
  return (
    <dl className="lh-Number" data-lh={`number-${name}`} data-loud={loud ?? false} title={title}>
      <dt>{what}</dt>
      <dd className="lh-Number-value">{value}</dd>
      <dd className="lh-Number-note">{children}</dd>
    </dl>
  )
}
