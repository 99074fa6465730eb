import { usePanel, useRun, useView } from '../../context.js'
import { Text } from '../text.js'
import type { Shown } from './shown.js'

/** Why fine-tuning on an example failed, and what that means for the run. */
export function Failure({ shown: { point, step, line } }: { shown: Shown }) {
  const { trans, view } = usePanel()
  const run = useRun()
  const { tab } = useView()
  if (step.outcome.kind !== 'failed') return null
  const hasGoneOn = point.index < line.length - 1 || run.state?.status === 'running'
  return (
    <div className="lh-Failure" role="note" data-lh="failure">
      <p>
        <strong>
          #{point.index} {trans.__('failed in')} <code>finetuneFn</code>
        </strong>
        {'. '}
        {trans.__('Adapter unchanged.')} {hasGoneOn && trans.__('The run continued.')}{' '}
        {tab !== 'update' && (
          <button type="button" className="lh-Link" onClick={() => view.set({ tab: 'update' })}>
            {trans.__('Show code')}
          </button>
        )}
      </p>
      <Text text={step.outcome.reason ?? ''} name={`error-${point.index}.txt`} />
    </div>
  )
}
