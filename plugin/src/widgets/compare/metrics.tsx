import { score, signed } from 'lora-harness/report'
import { usePanel } from '../../context.js'
import { ENOUGH } from '../../model/numbers.js'
import { counted } from '../list/filters.js'
import { Name } from '../text.js'
import { type Comparison, useMetricRows } from './use-joined.js'

/** Most metrics that are listed. */
const MOST = 30

/** Means of both and the paired difference, metric by metric. */
export function CompareMetrics({ comparison }: { comparison: Comparison }) {
  const { trans } = usePanel()
  const rows = useMetricRows(comparison)
  if (rows.length === 0)
    return <p className="lh-muted">{trans.__('No example is scored on both sides: there is no number to compare.')}</p>
  const verdict = ({ low, high, n }: { low: number; high: number; n: number }) => {
    if (n < ENOUGH) return trans.__('n = %1, too few to say', n)
    return low > 0 ? trans.__('higher') : high < 0 ? trans.__('lower') : trans.__('no clear difference')
  }
  return (
    <div className="lh-Scroll" data-lh="compare-metrics">
      <table className="lh-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('metric')}</th>
            <th scope="col">
              <Name>{comparison.branch}</Name>
            </th>
            <th scope="col">
              <Name>{comparison.name}</Name>
            </th>
            <th scope="col">{trans.__('difference')}</th>
            <th scope="col">{trans.__('95 % interval')}</th>
            <th scope="col">{trans.__('pairs')}</th>
            <th scope="col" className="lh-Table-words">
              {trans.__('in words')}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST).map(({ metric, means, difference }) => (
            <tr key={metric}>
              <th scope="row">
                <Name>{metric}</Name>
              </th>
              <td>{score(means.here)}</td>
              <td>{score(means.there)}</td>
              <td>{signed(difference.mean)}</td>
              <td>
                {signed(difference.low)} … {signed(difference.high)}
              </td>
              <td>{counted(difference.n)}</td>
              <td className="lh-Table-words">{verdict(difference)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
