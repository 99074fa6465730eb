import { type FormEvent, useId, useRef, useState } from 'react'
import { usePanel, useRun, useView } from '../../context.js'
import { branchOf, indexOf } from '../../model/shown.js'
import { freeName, type Leaving, leave, whyNot } from '../../model/steer.js'
import { useDesk } from '../desk.js'
import { Popover } from './popover.js'

/** Asks before a new branch leaves the line that is worked on; says what stays where. */
export function Leave({ kind }: { kind: Leaving }) {
  const { trans: t, view } = usePanel()
  const run = useRun()
  const state = useView()
  const form = useRef<HTMLFormElement>(null)
  const desk = useDesk(form)
  const [name, rename] = useState(() => freeName(desk))
  // What is asked about stays, even if the run goes on meanwhile.
  const [index] = useState(() => indexOf(run, state) ?? 0)
  const field = useId()
  const isTaken = run.branches.some(branch => branch.name === name)
  const why =
    whyNot(desk, kind === 'fork' ? 'fork' : 'rewind') ??
    (name.trim() === '' ? t.__('The branch needs a name') : isTaken ? t.__('There is a branch of that name') : null)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (why === null) void leave(desk, kind, index, name)
  }
  return (
    <Popover by={kind} title={titleOf(kind, index, t.__.bind(t))}>
      <form {...{ ref: form, onSubmit: submit, className: 'lh-Leave' }}>
        <p data-lh="leave-words">
          {kind === 'retrain'
            ? index === 0
              ? t.__('Begin again without an adapter, and do #0 once more, on a new branch.')
              : t.__('Go back to the adapter before #%1 and do #%1 once more, on a new branch.', index)
            : kind === 'rewind'
              ? t.__('Continue from the adapter after #%1 on a new branch.', index)
              : t.__('A run of its own continues from the adapter after #%1 on a new branch; this run stays.', index)}
        </p>
        <p className="lh-muted">{staysOf()}</p>
        <label htmlFor={field}>{t.__('Name of the branch')}</label>
        <input
          {...{ id: field, value: name, maxLength: 100, spellCheck: false }}
          onChange={e => rename(e.target.value)}
        />
        {why !== null && (
          <p className="lh-Leave-why" role="alert">
            {why}
          </p>
        )}
        <footer>
          <button type="button" className="lh-Button" data-lh="cancel" onClick={() => view.set({ dialog: null })}>
            {t.__('Cancel')}
          </button>
          <button type="submit" className="lh-Button lh-mod-primary" data-lh="continue" aria-disabled={why !== null}>
            {t.__('Continue')}
          </button>
        </footer>
      </form>
    </Popover>
  )

  function staysOf(): string {
    const first = kind === 'retrain' ? index : index + 1
    const last = run.line(run.current).length - 1
    const branch = branchOf(run, { ...state, branch: null })
    const stays =
      first > last
        ? t.__('%1 stays as it is.', branch)
        : first === last
          ? t.__('#%1 stays on %2.', first, branch)
          : t.__('#%1–#%2 stay on %3.', first, last, branch)
    const isGoing = run.state?.status === 'running' && kind !== 'fork'
    return isGoing ? `${stays} ${t.__('The run is paused first.')}` : stays
  }
}

function titleOf(kind: Leaving, index: number, __: (text: string, ...values: string[]) => string): string {
  if (kind === 'rewind') return __('Rewind to #%1', String(index))
  return kind === 'fork' ? __('Fork at #%1', String(index)) : __('Retrain #%1', String(index))
}
