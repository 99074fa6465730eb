import type { RailRow } from '../model/rail.js'

/** Width of a lane, and height of a row [px]. */
const LANE = 14
const ROW = 26
/** Lanes that are drawn; those of more branches share the last one. */
const MOST = 8

const x = (lane: number): number => 9 + Math.min(lane, MOST - 1) * LANE

/**
 * The lines beside a row.
 *
 * @param lanes how many there are in all rows
 * @param shown lane of the branch that is looked at
 */
export function Rail({ row, lanes, shown }: { row: RailRow; lanes: number; shown: number }) {
  const { node, lane, above, below, joins } = row
  const width = 9 + Math.min(MOST, lanes) * LANE
  const middle = ROW / 2
  const look = (of: number) => (of === shown ? 'shown' : String(of % 3))
  const isOn = (of: number) => !joins.includes(of) && of !== lane
  return (
    <svg className="lh-Rail" width={width} height={ROW} aria-hidden="true" data-lane={lane}>
      {above.map(of =>
        joins.includes(of) ? (
          <path
            key={`a${of}`}
            data-look={look(of)}
            d={`M${x(of)} 0C${x(of)} ${middle} ${x(of)} ${middle} ${x(lane)} ${middle}`}
          />
        ) : (
          <path
            key={`a${of}`}
            data-look={look(of)}
            d={`M${x(of)} 0V${isOn(of) && below.includes(of) ? ROW : middle}`}
          />
        ),
      )}
      {below
        .filter(of => of === lane || !above.includes(of))
        .map(of => (
          <path
            key={`b${of}`}
            data-look={look(of)}
            data-more={node.kind === 'more' || undefined}
            d={`M${x(of)} ${middle}V${ROW}`}
          />
        ))}
      {node.kind === 'tip' && <path className="lh-Rail-tip" data-look={look(lane)} d={`M${x(lane) - 4} ${middle}h8`} />}
      {node.kind === 'adapter' && <circle data-look={look(lane)} cx={x(lane)} cy={middle} r="4" />}
      {node.kind === 'more' && (
        <circle className="lh-Rail-more" data-look={look(lane)} cx={x(lane)} cy={middle} r="1.5" />
      )}
      {node.kind === 'base' && <rect x={x(lane) - 4} y={middle - 4} width="8" height="8" />}
    </svg>
  )
}
