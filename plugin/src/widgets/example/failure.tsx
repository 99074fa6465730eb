import { useRef } from 'react'
import { usePanel, useRun, useView } from '../../context.js'
import { perform } from '../../model/commands.js'
import { whyNot } from '../../model/steer.js'
import { useDesk } from '../desk.js'
import { PauseOnErrors } from '../pause-on-errors.js'
import { Text } from '../text.js'
import type { Shown } from './shown.js'

/** Why fine-tuning on an example failed, what that means for the run, and what can be done about it. */
export function Failure({ shown: { point, step, line } }: { shown: Shown }) {
  const { trans, view } = usePanel()
  const run = useRun()
  const { tab } = useView()
  if (step.outcome.kind !== 'failed') return null
  const hasGoneOn = point !== line.at(-1) || run.state?.status === 'running'
  return (
    <div className="lh-Failure" role="note" data-lh="failure">
      <p>
        <strong>
          #{point.index} {trans.__('failed in')} <code>finetuneFn</code>
        </strong>
        {'. '}
        {trans.__('Adapter unchanged.')} {hasGoneOn && trans.__('The run continued.')}
      </p>
      <Text text={step.outcome.reason ?? ''} name={`error-${point.index}.txt`} />
      <p className="lh-Failure-do">
        {tab !== 'update' && (
          <button type="button" className="lh-Button" data-lh="show-code" onClick={() => view.set({ tab: 'update' })}>
            {trans.__('Show code')}
          </button>
        )}
        <Retry />
        <PauseOnErrors />
      </p>
    </div>
  )
}

/** Does the example that is looked at once more, on a new branch: asks first. */
function Retry() {
  const { trans } = usePanel()
  const button = useRef<HTMLButtonElement>(null)
  const desk = useDesk(button)
  const why = whyNot(desk, 'rewind')
  return (
    <button
      {...{ ref: button, type: 'button', className: 'lh-Button', 'data-lh': 'retry' }}
      title={why ?? trans.__('Do it once more, on a new branch')}
      aria-disabled={why !== null}
      onClick={() => perform('retrain', desk)}
    >
      {trans.__('Retry')}
    </button>
  )
}
