import { usePanel } from '../../context.js'
import type { Pair } from '../../model/compare.js'
import { useDetails } from '../example/use-example.js'
import { WordDiff } from '../example/word-diff.js'
import { Name } from '../text.js'
import { PairRow } from './pair-row.js'
import { type Comparison, useChanges, useJoined } from './use-joined.js'

/** Examples that are shown. */
const SHOWN = 5

/** The examples whose answers changed most from the other branch's, or the baseline's: for beside the adapter pictures. */
export function Changed() {
  const comparison = useJoined()
  return comparison && <List comparison={comparison} />
}

function List({ comparison }: { comparison: Comparison }) {
  const { trans } = usePanel()
  const { pairs } = useChanges(comparison, 'score')
  return (
    <section className="lh-Changed" data-lh="changed-most">
      <h3>
        {trans.__('Changed most from')} <Name>{comparison.name}</Name>
      </h3>
      {pairs.length === 0 ? (
        <p className="lh-muted">{trans.__('No score differs.')}</p>
      ) : (
        <ol className="lh-Pairs">
          {pairs.slice(0, SHOWN).map(pair => (
            <PairRow key={pair.point.index} pair={pair} comparison={comparison}>
              <Short pair={pair} comparison={comparison} />
            </PairRow>
          ))}
        </ol>
      )}
    </section>
  )
}

/** The begin of both answers as a word diff. */
function Short({ pair, comparison: { other, branch, name } }: { pair: Pair; comparison: Comparison }) {
  const details = useDetails()
  const [here, there] = [details.texts(pair.point), details.texts(pair.other)]
  const before = 'baseline' in other ? there?.baselines.get(other.baseline)?.response : there?.response
  if (!here || before === undefined) return null
  return <WordDiff before={before.slice(0, 300)} after={here.response.slice(0, 300)} from={name} to={branch} bare />
}
