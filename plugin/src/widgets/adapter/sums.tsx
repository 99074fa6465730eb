import { percent, score, signed } from 'lora-harness/report'
import { usePanel } from '../../context.js'
import { onwardOf, useOf } from '../../model/adapters.js'
import { precise, shownOf } from './names.js'
import type { Looked } from './pair.js'

/** What is shown, and its sums in a line. */
export function Sums({ looked }: { looked: Looked }) {
  const { trans } = usePanel()
  const { what, branch, index, other, pair } = looked
  const { effectiveRank, rank, isBound, strongest } = useOf(shownOf(what, pair))
  const onward = onwardOf(pair)
  const cosine = what === 'against' ? pair.cosine : onward
  const title =
    what === 'update'
      ? trans.__('Update of #%1 on %2', index, branch)
      : what === 'total'
        ? trans.__('%2 after #%1', index, branch)
        : trans.__('%1 after #%2, against %3 after #%4', branch, index, other!.branch, other!.index)
  const numbers: { name: string; value: string; about: string }[] = [
    {
      name: trans.__('size'),
      value: precise(pair.norms.change),
      about: what === 'against' ? trans.__('‖ΔW‖ of the difference') : trans.__('‖ΔW‖ over all modules'),
    },
  ]
  if (effectiveRank !== null && rank !== null)
    numbers.push({
      name: trans.__('rank use'),
      value: isBound
        ? trans.__('%1 of at most %2', effectiveRank.toFixed(1), rank)
        : trans.__('%1 of %2', effectiveRank.toFixed(1), rank),
      about: isBound
        ? trans.__(
            'Median of the modules’ effective ranks; between two adapters it is at most the rank of both together',
          )
        : trans.__('Median of the modules’ effective ranks, of the greatest rank'),
    })
  if (strongest !== null)
    numbers.push({
      name: trans.__('top'),
      value: percent(strongest),
      about: trans.__('Part of ‖ΔW‖² in the strongest direction: median of the modules'),
    })
  if (what !== 'total')
    numbers.push({
      name: what === 'update' ? trans.__('step vs path') : trans.__('cos'),
      value: cosine === null ? score(null) : signed(cosine),
      about:
        what === 'update'
          ? trans.__('Cosine of this step with what was learned before: 1 goes on, 0 sideways, below 0 undoes')
          : trans.__('Cosine of what both learned: 1 the same direction, 0 unrelated, below 0 opposed'),
    })
  return (
    <>
      <p className="lh-Adapter-title" data-lh="adapter-title">
        {title}
      </p>
      <p className="lh-Adapter-sums" data-lh="adapter-sums">
        {numbers.map(({ name, value, about }) => (
          <span key={name} title={about}>
            {name} <b>{value}</b>
          </span>
        ))}
      </p>
    </>
  )
}
