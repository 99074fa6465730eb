import { usePanel, useRun, useView } from '../context.js'
import { hold } from '../model/moves.js'
import { baselineOf, branchOf, lineOf } from '../model/shown.js'

/** The branch that is looked at; the one that is worked on moves along with the run. */
export function BranchPicker() {
  const { trans: t, view } = usePanel()
  const run = useRun()
  const state = useView()
  const pick = (name: string) =>
    view.set({ ...(state.follow ? {} : hold(run, state)), branch: name === run.current ? null : name })
  return (
    <label className="lh-Pick">
      <span>{t.__('branch')}</span>
      <select data-lh="branch" value={branchOf(run, state)} onChange={event => pick(event.target.value)}>
        {run.branches.map(({ name }) => (
          <option key={name} value={name}>
            {name === run.current && run.branches.length > 1 ? t.__('%1 (worked on)', name) : name}
          </option>
        ))}
      </select>
    </label>
  )
}

/** What the numbers are against: a baseline, or another branch. */
export function ComparedPicker() {
  const { trans: t, view } = usePanel()
  const run = useRun()
  const state = useView()
  const line = lineOf(run, state)
  const first = line.find(point => Object.keys(point.baselines).length > 0)
  const baselines = [...new Set([...Object.keys(first?.baselines ?? {}), ...(state.baseline ? [state.baseline] : [])])]
  const branches = run.branches.filter(({ name }) => name !== branchOf(run, state))
  const against = state.against.find(name => branches.some(branch => branch.name === name))
  const pick = (value: string) => {
    const [kind, name] = [value.slice(0, 2), value.slice(2)]
    view.set(kind === 'b:' ? { against: [name] } : { against: [], baseline: name })
  }
  if (baselines.length + branches.length === 0) return null
  return (
    <label className="lh-Pick">
      <span>{t.__('vs')}</span>
      <select
        data-lh="compared"
        value={against === undefined ? `n:${baselineOf(run, state) ?? ''}` : `b:${against}`}
        onChange={event => pick(event.target.value)}
      >
        {baselines.length === 0 && <option value="n:">{t.__('nothing')}</option>}
        <optgroup label={t.__('Baselines')}>
          {baselines.map(name => (
            <option key={name} value={`n:${name}`}>
              {name}
            </option>
          ))}
        </optgroup>
        {branches.length > 0 && (
          <optgroup label={t.__('Branches')}>
            {branches.map(({ name }) => (
              <option key={name} value={`b:${name}`}>
                {name}
              </option>
            ))}
          </optgroup>
        )}
      </select>
    </label>
  )
}
