import { score } from 'lora-harness/report'
import { useEffect } from 'react'
import { usePanel, useRun, useView } from '../../context.js'
import { otherScoreOf, type Pair, pairDifference } from '../../model/compare.js'
import { pick } from '../../model/moves.js'
import { indexOf, scoreOf } from '../../model/shown.js'
import { beginOf } from '../../model/worddiff.js'
import { useDetails } from '../example/use-example.js'
import { Delta } from '../list/row.js'
import type { Comparison } from './use-joined.js'

interface Props {
  pair: Pair
  comparison: Comparison
  children?: React.ReactNode
}

/** An example that came out differently; a press selects it for every view. */
export function PairRow({ pair, comparison, children }: Props) {
  const { view, source } = usePanel()
  const run = useRun()
  const state = useView()
  const details = useDetails()
  const { other, metric, branch } = comparison
  const { point } = pair
  const texts = details.texts(point)
  const isMissing = !texts && details.get(point).error === null && source.cannot('example') === null
  useEffect(() => {
    if (isMissing) void details.load(branch, point)
  }, [details, branch, point, isMissing])
  return (
    <li>
      <button
        {...{ type: 'button', className: 'lh-Pair', 'aria-pressed': indexOf(run, state) === point.index }}
        data-lh="pair"
        data-index={point.index}
        onClick={() => view.set(pick(run, state, point.index))}
      >
        <span className="lh-Digits">#{point.index}</span>
        <Delta value={pairDifference(pair, other, metric)} />
        <span className="lh-Digits lh-muted">
          {score(otherScoreOf(pair, other, metric))} → {score(scoreOf(point, metric))}
        </span>
        <bdi className="lh-Pair-text">{texts ? beginOf(texts.question.replace(/\s+/g, ' '), 80) : '…'}</bdi>
      </button>
      {children}
    </li>
  )
}
