import { usePanel, useRun } from '../context.js'
import { CommandButton } from './command.js'
import { BranchPicker, ComparedPicker } from './pickers.js'

/** What steers the run, and which branch is looked at beside what. */
export function Controls() {
  const { trans: t } = usePanel()
  const { state } = useRun()
  const isGoing = state?.status === 'running' || state?.status === 'pausing'
  return (
    <div className="lh-Controls" data-lh="controls">
      <fieldset className="lh-Controls-steer">
        <legend className="lh-hidden">{t.__('Steer the run')}</legend>
        <CommandButton id="pause" icon={isGoing ? 'pause' : 'resume'} primary />
        <CommandButton id="step" icon="step" />
        <CommandButton id="stop" icon="stop" />
        <i className="lh-Controls-gap" />
        <CommandButton id="rewind" icon="rewind" />
        <CommandButton id="retrain" icon="retrain" />
        <CommandButton id="fork" icon="fork" />
      </fieldset>
      <CommandButton id="follow" icon="follow" />
      <div className="lh-Controls-pick">
        <BranchPicker />
        <ComparedPicker />
        <CommandButton id="compare" icon="compare" />
      </div>
    </div>
  )
}
