import { COSINES_AID } from 'lora-harness/report'
import { usePanel } from '../../context.js'
import { Part } from './part.js'

/** Cosines between the last adapters of branches. */
export function Cosines({ names, cosines }: { names: string[]; cosines: (number | null)[][] }) {
  const { trans } = usePanel()
  return (
    <Part name="cosines" title={trans.__('Between branches')} aid={trans.__(COSINES_AID)}>
      <table className="lh-Cosines">
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
                    style={{ '--lh-strength': `${Math.round(Math.abs(value ?? 0) * 35)}%` } as React.CSSProperties}
                  >
                    {value === null ? '–' : value.toFixed(2).replace('-', '−')}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Part>
  )
}
