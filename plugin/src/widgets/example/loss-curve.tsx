import { usePanel } from '../../context.js'

/** Most steps that are drawn each with a dot. */
const DOTS = 40
/** Most places of the line. */
const PLACES = 400

/** A loss for reading; one that came to nothing stays readable. */
export const lossOf = (loss: number): string => (Number.isFinite(loss) ? loss.toFixed(3) : 'NaN')

/** Loss before each optimizer step of an update [nats/token], from 0 up, so that half as high is half the loss. */
export function LossCurve({ losses, small = false }: { losses: readonly number[]; small?: boolean }) {
  const { trans } = usePanel()
  const finite = losses.filter(Number.isFinite)
  if (finite.length < 2) return null
  const [width, height, edge] = small ? [56, 16, 2] : [320, 96, 6]
  const most = finite.reduce((a, b) => Math.max(a, b), 1e-9)
  const x = (i: number) => edge + (i / (losses.length - 1)) * (width - 2 * edge)
  const y = (loss: number) => height - edge - (loss / most) * (height - 2 * edge)
  const every = Math.ceil(losses.length / PLACES)
  const places = losses.flatMap((loss, i) =>
    Number.isFinite(loss) && (i % every === 0 || i === losses.length - 1) ? [[x(i), y(loss)] as const] : [],
  )
  const words = trans.__('Loss from %1 to %2 in %3 steps', lossOf(finite[0]!), lossOf(finite.at(-1)!), losses.length)
  return (
    <svg
      {...{
        className: 'lh-Losses',
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: 'img',
        'aria-label': words,
      }}
      data-lh="losses"
    >
      <title>{words}</title>
      {!small && (
        <path className="lh-Losses-axis" d={`M${edge} ${edge}V${height - edge}H${width - edge}`} fill="none" />
      )}
      <polyline points={places.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(' ')} fill="none" />
      {!small && losses.length <= DOTS && places.map(([a, b]) => <circle key={a} cx={a} cy={b} r="2.5" />)}
    </svg>
  )
}
