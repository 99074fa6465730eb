import { score } from 'lora-harness/report'
import { usePanel } from '../../context.js'
import { otherScoreOf, type Pair } from '../../model/compare.js'
import { questionOf, referenceOf } from '../../model/details.js'
import { scoreOf } from '../../model/shown.js'
import { useExample } from '../example/use-example.js'
import { WordDiff } from '../example/word-diff.js'
import { Name, Text } from '../text.js'
import type { Comparison } from './use-joined.js'

/** Both answers to one question side by side, and what changed. */
export function PairAnswers({ pair, comparison }: { pair: Pair; comparison: Comparison }) {
  const { trans } = usePanel()
  const { other, branch, name, metric } = comparison
  const here = useExample(branch, pair.point)
  const there = useExample('branch' in other ? other.branch : branch, pair.other)
  const error = here.error ?? there.error
  if (!here.step || !there.step)
    return (
      <p className="lh-Empty" role="status">
        {error === null ? trans.__('Loading #%1…', pair.point.index) : <bdi>{error.slice(0, 1000)}</bdi>}
      </p>
    )
  const { step } = here
  const response =
    'branch' in other
      ? there.step.response
      : Object.hasOwn(step.baselines, other.baseline)
        ? step.baselines[other.baseline]!.response
        : ''
  const reference = referenceOf(step)
  const { index } = pair.point
  return (
    <div className="lh-PairAnswers" data-lh="pair-answers">
      <h3>
        #{index} {trans.__('Question')}
      </h3>
      <Text quiet text={questionOf(step)} name={`question-${index}.txt`} />
      <div className="lh-Answers">
        <section className="lh-Answer lh-Answer-own">
          <h3>
            <Name>{branch}</Name> <span className="lh-Score">{score(scoreOf(pair.point, metric))}</span>
          </h3>
          <Text text={step.response} name={`answer-${index}.txt`} />
        </section>
        <section className="lh-Answer">
          <h3>
            <Name>{name}</Name> <span className="lh-Score">{score(otherScoreOf(pair, other, metric))}</span>
          </h3>
          <Text quiet text={response} name={`answer-${index}-other.txt`} />
        </section>
        {reference !== null && (
          <section className="lh-Answer">
            <h3>{trans.__('Reference')}</h3>
            <Text text={reference} name={`reference-${index}.txt`} />
          </section>
        )}
      </div>
      <h3>{trans.__('What changed')}</h3>
      <WordDiff before={response} after={step.response} from={name} to={branch} />
    </div>
  )
}
