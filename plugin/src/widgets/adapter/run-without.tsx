import { usePanel, useRun, useView } from '../../context.js'
import { branchOf, indexOf } from '../../model/shown.js'

/** Offers to answer the example again without the module that is looked at: its size does not say what it does. */
export function RunWithout({ title }: { title: string }) {
  const { trans, view } = usePanel()
  const run = useRun()
  const looking = useView()
  const index = indexOf(run, looking)
  const why =
    run.connection.kind !== 'live'
      ? trans.__('There is no kernel with this run here.')
      : branchOf(run, looking) !== run.current
        ? trans.__('The run goes on on branch %1; select an example of that one.', run.current)
        : null
  return (
    <button
      type="button"
      className="lh-Button"
      data-lh="run-without"
      disabled={index === null || why !== null}
      title={why ?? trans.__('What the answer loses by it tells what the change is worth.')}
      onClick={() => view.set({ dialog: 'without' })}
    >
      {trans.__('Run #%1 without %2', index ?? '?', title)}
    </button>
  )
}
