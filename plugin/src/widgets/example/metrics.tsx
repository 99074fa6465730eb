import { usePanel } from '../../context.js'
import { textOf } from '../../model/details.js'
import { baselineScoreOf, scoreOf } from '../../model/shown.js'
import { counted } from '../list/filters.js'
import { Delta } from '../list/row.js'
import { Name, Text } from '../text.js'
import { useOthers } from './others.js'
import type { Shown } from './shown.js'

/** Most metrics and details that are listed. */
const MOST = 100

/** A number with four digits that matter. */
const digits = (value: number | null): string =>
  value === null ? '–' : String(+value.toPrecision(4)).replace('-', '−')

/** Every metric beside the baselines', and what the evaluator said otherwise. */
export function MetricsTable({ shown }: { shown: Shown }) {
  const { trans } = usePanel()
  const { point, step } = shown
  const others = useOthers(shown)
  const names = [...new Set([step.metrics, ...Object.values(step.baselines).map(b => b.metrics)].flatMap(Object.keys))]
  const details = Object.entries(step.details)
  const columns = others.map(({ id, kind, name, point: there }) => ({
    ...{ id, name },
    score: (metric: string) => (kind === 'baseline' ? baselineScoreOf(there, name, metric) : scoreOf(there, metric)),
  }))
  return (
    <>
      {names.length === 0 ? (
        <p className="lh-muted">{trans.__('Nothing was scored: the evaluator returned no number.')}</p>
      ) : (
        <div className="lh-Scroll" data-lh="metrics">
          <table className="lh-Table">
            <thead>
              <tr>
                <th scope="col">{trans.__('metric')}</th>
                <th scope="col">{trans.__('answer')}</th>
                {columns.map(({ id, name }) => [
                  <th key={id} scope="col">
                    <Name>{name}</Name>
                  </th>,
                  <th key={`${id} Δ`} scope="col" title={trans.__('Score of the answer minus that one')}>
                    Δ
                  </th>,
                ])}
              </tr>
            </thead>
            <tbody>
              {names.slice(0, MOST).map(metric => {
                const own = scoreOf(point, metric)
                return (
                  <tr key={metric}>
                    <th scope="row">
                      <Name>{metric}</Name>
                    </th>
                    <td>{digits(own)}</td>
                    {columns.map(({ id, score }) => {
                      const other = score(metric)
                      return [
                        <td key={id}>{digits(other)}</td>,
                        <td key={`${id} Δ`}>
                          <Delta value={own === null || other === null ? null : own - other} />
                        </td>,
                      ]
                    })}
                  </tr>
                )
              })}
            </tbody>
          </table>
        </div>
      )}
      {names.length > MOST && (
        <p className="lh-Notice">{trans.__('%1 of %2 metrics; the record has all.', MOST, counted(names.length))}</p>
      )}
      {details.length > 0 && (
        <section>
          <h3>{trans.__('The evaluator also said')}</h3>
          <dl className="lh-List" data-lh="details">
            {details.slice(0, MOST).map(([name, value]) => (
              <div key={name} className="lh-List-row">
                <dt>
                  <Name>{name}</Name>
                </dt>
                <dd>
                  <Text quiet text={textOf(value)} name={`detail-${point.index}.txt`} />
                </dd>
              </div>
            ))}
          </dl>
        </section>
      )}
    </>
  )
}
