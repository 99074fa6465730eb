import { usePanel, useView } from '../../context.js'
import type { AdapterWhat } from '../../model/view.js'
import { useOthers } from './pair.js'

/** Picks what the pictures show: what the example changed, all that was learned, or what another branch has not. */
export function What() {
  const { trans, view } = usePanel()
  const { what, against } = useView()
  const others = useOthers()
  const choices: [AdapterWhat, string][] = [
    ['update', trans.__('this update')],
    ['total', trans.__('total')],
    ['against', trans.__('against')],
  ]
  const isAlone = others.length === 0
  return (
    <div className="lh-Adapter-what">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out as a row of buttons in all browsers. */}
      <div role="group" className="lh-Segments" aria-label={trans.__('What the pictures show')}>
        {choices.map(([kind, name]) => (
          <button
            key={kind}
            type="button"
            data-lh={`what-${kind}`}
            aria-pressed={what === kind}
            disabled={kind === 'against' && isAlone}
            title={kind === 'against' && isAlone ? trans.__('There is no other branch to compare with') : undefined}
            // Every view compares with the same branch.
            onClick={() =>
              view.set({
                what: kind,
                ...(kind === 'against' ? { against: against.length > 0 ? against : [others[0]!] } : {}),
              })
            }
          >
            {name}
          </button>
        ))}
      </div>
      {what === 'against' && !isAlone && (
        <select
          data-lh="what-branch"
          aria-label={trans.__('Branch to compare with')}
          value={others[0]}
          onChange={({ target: { value } }) =>
            view.set({ against: [value, ...against.filter(name => name !== value)] })
          }
        >
          {others.toSorted().map(name => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
    </div>
  )
}
