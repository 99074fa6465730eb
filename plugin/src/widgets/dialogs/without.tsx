import { usePanel, useRun, useView } from '../../context.js'
import { withoutCell } from '../../model/reproduce.js'
import { indexOf } from '../../model/shown.js'
import { Copy } from '../copy.js'
import { Popover } from './popover.js'

/** How an example is answered without a module: by a cell, on a branch of its own, because what is recorded does not change. */
export function Without() {
  const { trans: t } = usePanel()
  const run = useRun()
  const view = useView()
  const index = indexOf(run, view)
  if (index === null || view.module === null) return null
  const cell = withoutCell(index, view.module)
  return (
    <Popover by="run-without" title={t.__('Run #%1 without %2', index, view.module)}>
      <p>{t.__('This cell answers it again on a branch of its own, with the adapter as it was, less this module:')}</p>
      <pre data-lh="without-cell">{cell}</pre>
      <Copy text={() => cell} label={t.__('Copy')} title={t.__('Copy the cell')} />
      <p className="lh-muted">{t.__('Then compare with that branch. Nothing is trained on it.')}</p>
    </Popover>
  )
}
