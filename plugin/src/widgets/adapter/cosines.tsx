import { COSINES_AID } from 'lora-harness/report'
import { usePanel } from '../../context.js'

/** Cosines between the last adapters of branches. */
export function Cosines({ names, cosines }: { names: string[]; cosines: (number | null)[][] }) {
  const { trans } = usePanel()
  return (
    <div className="lh-Cosines" data-lh="cosines">
      <h4>{trans.__('Branches')}</h4>
      <table>
        <thead>
          <tr>
            <td />
            {names.map(name => (
              <th key={name} scope="col" title={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((name, i) => (
            <tr key={name}>
              <th scope="row" title={name}>
                {name}
              </th>
              {names.map((other, j) => {
                const value = cosines[i]?.[j] ?? null
                return (
                  // Blue for the same direction, orange for opposed; the number says the same.
                  <td
                    key={other}
                    data-sign={value === null ? undefined : Math.sign(value)}
                    style={{ '--lh-strength': `${Math.round(Math.abs(value ?? 0) * 45)}%` } as React.CSSProperties}
                  >
                    {value === null ? '–' : value.toFixed(2).replace('-', '−')}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="lh-Aid">{trans.__(COSINES_AID)}</p>
    </div>
  )
}
