import { score } from 'lora-harness/report'
import { useId, useState } from 'react'
import { usePanel, useRun, useView } from '../../context.js'
import { questionOf, referenceOf } from '../../model/details.js'
import { metricOf, scoreOf } from '../../model/shown.js'
import { beginOf } from '../../model/worddiff.js'
import { secondsOf } from '../../model/words.js'
import { counted } from '../list/filters.js'
import { Delta } from '../list/row.js'
import { Name, Text } from '../text.js'
import { Failure } from './failure.js'
import { LossCurve, lossOf } from './loss-curve.js'
import { Notes } from './notes.js'
import { type OtherAnswer, useOthers } from './others.js'
import type { Shown } from './shown.js'
import { WordDiff } from './word-diff.js'

/** What was asked and answered, beside what others answered, and what that took. */
export function Answer({ shown }: { shown: Shown }) {
  const { point, step } = shown
  const { trans, view } = usePanel()
  const run = useRun()
  const state = useView()
  const metric = metricOf(run, state)
  const others = useOthers(shown)
  const reference = referenceOf(step)
  const earlier = step.messages.length - 1
  const own = scoreOf(point, metric)
  return (
    <>
      <Failure shown={shown} />
      <section>
        <h3>
          {trans.__('Question')}
          {earlier > 0 && (
            <button type="button" className="lh-Link" onClick={() => view.set({ tab: 'messages' })}>
              {trans._n('%1 earlier message', '%1 earlier messages', earlier, counted(earlier))}
            </button>
          )}
        </h3>
        <Text quiet text={questionOf(step)} name={`question-${point.index}.txt`} />
      </section>
      <div className="lh-Answers">
        <section className="lh-Answer lh-Answer-own" data-lh="answer">
          <h3>
            {trans.__('Answer')} <span className="lh-Score">{score(own)}</span>
          </h3>
          <Text text={step.response} name={`answer-${point.index}.txt`} />
        </section>
        {others.map(other => (
          <Beside key={other.id} {...{ other, own, index: point.index }} />
        ))}
        {reference !== null && (
          <section className="lh-Answer" data-lh="reference">
            <h3>{trans.__('Reference')}</h3>
            <Text text={reference} name={`reference-${point.index}.txt`} />
          </section>
        )}
      </div>
      {others.length > 0 && <Changed {...{ others, shown }} />}
      <Facts shown={shown} />
      <Notes key={`${shown.branch} ${point.index}`} shown={shown} />
    </>
  )
}

/** An answer to compare with. */
function Beside({ other, own, index }: { other: OtherAnswer; own: number | null; index: number }) {
  const { trans } = usePanel()
  return (
    <section className="lh-Answer" data-lh="other-answer">
      <h3>
        <Name>{other.name}</Name>
        <span className="lh-Score">
          {score(other.score)}
          {own !== null && other.score !== null && !other.shared && (
            <span title={trans.__('Score of the answer minus this one')}>
              {' '}
              (<Delta value={own - other.score} />)
            </span>
          )}
        </span>
      </h3>
      {other.shared ? (
        <p className="lh-muted">{trans.__('The same example: the branches part after it.')}</p>
      ) : other.response !== null ? (
        <Text quiet text={other.response} name={`answer-${index}-other.txt`} />
      ) : (
        <p className="lh-muted">{other.error ?? trans.__('Loading…')}</p>
      )}
    </section>
  )
}

/** The word diff, against the answer that is chosen. */
function Changed({ others, shown: { step } }: { others: OtherAnswer[]; shown: Shown }) {
  const { trans, view } = usePanel()
  const { wordDiff } = useView()
  const [picked, setPicked] = useState<string | null>(null)
  const label = useId()
  const other = others.find(({ id }) => id === picked) ?? others[0]!
  return (
    <section data-lh="changed">
      <h3>
        <span id={label}>{trans.__('What changed from')}</span>{' '}
        {others.length > 1 ? (
          <select
            {...{ className: 'lh-Select', 'aria-labelledby': label, value: others.indexOf(other) }}
            onChange={event => setPicked(others[Number(event.target.value)]?.id ?? null)}
          >
            {others.map(({ id, name }, i) => (
              <option key={id} value={i}>
                {beginOf(name, 60)}
              </option>
            ))}
          </select>
        ) : (
          <Name>{other.name}</Name>
        )}
        <button
          {...{
            type: 'button',
            className: 'lh-Link',
            'aria-pressed': wordDiff,
            title: trans.__('Word diff on or off (D)'),
          }}
          onClick={() => view.set({ wordDiff: !wordDiff })}
        >
          {wordDiff ? trans.__('hide') : trans.__('show')}
        </button>
      </h3>
      {wordDiff && other.response !== null && (
        <WordDiff before={other.response} after={step.response} from={other.name} to={trans.__('this answer')} />
      )}
    </section>
  )
}

/** What the example took, in one line. */
function Facts({ shown: { step } }: { shown: Shown }) {
  const { trans } = usePanel()
  const time = Object.values(step.ms).reduce((sum, ms) => sum + ms, 0)
  const [first, last] = [step.losses[0], step.losses.at(-1)]
  return (
    <p className="lh-Facts" data-lh="facts">
      {first !== undefined && last !== undefined && (
        <span title={trans.__('Loss before the first and before the last step of the update [nats/token]')}>
          {trans.__('loss')} {lossOf(first)} → {lossOf(last)} {trans._n('(%1 step)', '(%1 steps)', step.losses.length)}{' '}
          <LossCurve losses={step.losses} small />
        </span>
      )}
      <span>{trans.__('%1 tokens read, %2 written', counted(step.tokens.prompt), counted(step.tokens.new))}</span>
      <span>{trans.__('%1 s', secondsOf(time))}</span>
    </p>
  )
}
