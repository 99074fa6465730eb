import { useState } from 'react'
import { usePanel, useRun, useView } from '../../context.js'
import { intervalOf, subjectOf } from '../../model/numbers.js'
import { aloneCell } from '../../model/reproduce.js'
import { Copy } from '../copy.js'
import { gapOf } from '../numbers.js'
import { Popover } from './popover.js'

/** How a baseline is scored on the examples that lack it: a cell does it, because what is recorded does not change. */
export function Baseline() {
  const { trans: t } = usePanel()
  const run = useRun()
  const subject = subjectOf(run, useView())
  const [interval] = useState(() => intervalOf(subject))
  const { other } = subject
  if (other === null || subject.against !== 'baseline') return null
  const cell = aloneCell(other)
  return (
    <Popover by="baseline" title={t.__('Score %1 for the rest', other)}>
      {interval && <p>{gapOf(interval, other, t)}</p>}
      <p>{t.__('What is recorded of an example does not change. A run of its own scores %1 on all of them:', other)}</p>
      <pre data-lh="baseline-cell">{cell}</pre>
      {run.connection.kind === 'live' ? (
        <Copy text={() => cell} label={t.__('Copy')} title={t.__('Copy the cell')} />
      ) : (
        <p>{t.__('There is no kernel with this run here: open the run in a notebook first.')}</p>
      )}
      <p className="lh-muted">{t.__('Then compare with that branch. Nothing is trained on it.')}</p>
    </Popover>
  )
}
