import type { ReactNode } from 'react'

/** Rows of a table that are drawn. */
const ROWS = 200

/** @param numbers columns that are aligned right, from 0 */
export function Table({ head, rows, numbers = [] }: { head: ReactNode[]; rows: ReactNode[][]; numbers?: number[] }) {
  const side = (i: number) => (numbers.includes(i) ? 'lh-number' : undefined)
  return (
    <div className="lh-Table">
      <table>
        <thead>
          <tr>
            {head.map((cell, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: cells have no other name than their place.
              <th key={i} scope="col" className={side(i)}>
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS).map((row, r) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: nor have rows.
            <tr key={r}>
              {row.map((cell, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: nor have cells.
                <td key={i} className={side(i)}>
                  <bdi>{cell}</bdi>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS && <p className="lh-Card-left">… {rows.length - ROWS}</p>}
    </div>
  )
}
