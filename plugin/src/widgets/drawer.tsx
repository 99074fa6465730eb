import { usePanel, useRun, useView } from '../context.js'
import { indexOf } from '../model/shown.js'
import { Icon } from './icons.js'

/** Opens the list over a narrow panel, which has no room for it beside the example. */
export function Drawer() {
  const { trans: t, view } = usePanel()
  const run = useRun()
  const state = useView()
  const index = indexOf(run, state)
  return (
    <div className="lh-Drawer">
      <button
        type="button"
        className="lh-Button"
        data-lh="drawer"
        aria-expanded={state.drawer}
        onClick={() => view.set({ drawer: !state.drawer })}
      >
        <Icon name="list" />
        <span>{index === null ? t.__('Examples') : t.__('Example #%1', index)}</span>
        <span aria-hidden="true">{state.drawer ? '▴' : '▾'}</span>
      </button>
    </div>
  )
}
