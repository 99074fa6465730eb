import { usePanel, useRun } from '../../context.js'
import { Popover } from './popover.js'

/** How a report of this run is made: a cell or a command writes it, not the panel. */
export function ReportHint() {
  const { trans: t } = usePanel()
  const { state, connection } = useRun()
  const folder = state?.folder ?? null
  const isLive = connection.kind === 'live'
  return (
    <Popover by="report" title={t.__('Report')}>
      <p>{t.__('A report is one HTML file that opens without kernel or network.')}</p>
      {isLive && (
        <>
          <p>{t.__('In a cell:')}</p>
          <pre>{"await h.report('report.html')"}</pre>
        </>
      )}
      {folder !== null && (
        <>
          <p>{t.__('In a terminal:')}</p>
          <pre>{`npx lora-harness report ${folder}`}</pre>
        </>
      )}
      <p className="lh-muted">{t.__('It holds the texts of all examples; { redact: true } leaves them out.')}</p>
    </Popover>
  )
}
