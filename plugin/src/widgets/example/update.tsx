import { usePanel } from '../../context.js'
import { secondsOf } from '../../model/words.js'
import { Id } from '../copy.js'
import { OutcomeIcon, outcomeMeaning, outcomeWord } from '../outcome.js'
import { Text } from '../text.js'
import { Callables } from './callables.js'
import { Failure } from './failure.js'
import { LossCurve, lossOf } from './loss-curve.js'
import type { Shown } from './shown.js'

/** What fine-tuning on the example did. */
export function Update({ shown }: { shown: Shown }) {
  const { trans } = usePanel()
  const { step, point } = shown
  const { outcome, losses, targetLoss, retrievedLora, updatedLora } = step
  const none = trans.__('none: the base model alone')
  const stages: Record<string, string> = {
    retrieve: trans.__('choosing the adapter'),
    infer: trans.__('answering'),
    evaluate: trans.__('scoring'),
    finetune: trans.__('fine-tuning'),
    record: trans.__('recording'),
  }
  return (
    <>
      <Failure shown={shown} />
      <dl className="lh-List">
        <dt>{trans.__('Outcome')}</dt>
        <dd>
          <OutcomeIcon kind={outcome.kind} /> {outcomeWord(outcome.kind, trans)}.{' '}
          <span className="lh-muted">{outcomeMeaning(outcome.kind, trans)}</span>
          {outcome.kind !== 'failed' && outcome.reason !== undefined && (
            <Text text={outcome.reason} name={`reason-${point.index}.txt`} />
          )}
        </dd>
        <dt>{trans.__('Adapter in')}</dt>
        <dd data-lh="lora-in">{retrievedLora ? <Id id={retrievedLora.identifier} /> : none}</dd>
        <dt>{trans.__('Adapter out')}</dt>
        <dd data-lh="lora-out">{updatedLora ? <Id id={updatedLora.identifier} /> : trans.__('the same')}</dd>
        {targetLoss && (
          <>
            <dt>{trans.__('Loss on the target')}</dt>
            <dd data-lh="target-loss">
              {lossOf(targetLoss.before)} → {lossOf(targetLoss.after)}{' '}
              <span className="lh-muted">
                {trans.__('nats/token')}
                {targetLoss.after > targetLoss.before && `, ${trans.__('higher than before')}`}
              </span>
            </dd>
          </>
        )}
        {losses.length > 0 && (
          <>
            <dt>{trans.__('Loss')}</dt>
            <dd>
              {lossOf(losses[0]!)} → {lossOf(losses.at(-1)!)}{' '}
              <span className="lh-muted">
                {trans._n('nats/token, before the only step', 'nats/token, before each of %1 steps', losses.length)}
              </span>
              <div>
                <LossCurve losses={losses} />
              </div>
            </dd>
          </>
        )}
        <dt>{trans.__('Time')}</dt>
        <dd>
          {Object.entries(step.ms)
            .filter(([, ms]) => ms >= 5)
            .map(([stage, ms]) => `${(Object.hasOwn(stages, stage) && stages[stage]) || stage} ${secondsOf(ms)} s`)
            .join(' · ') || '–'}
        </dd>
        <dt>{trans.__('Seed')}</dt>
        <dd>{step.seed}</dd>
      </dl>
      <Callables shown={shown} />
    </>
  )
}
