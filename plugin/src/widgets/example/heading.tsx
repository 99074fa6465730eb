import type { Step, TimelinePoint } from 'lora-harness/protocol'
import { usePanel, useRun, useView } from '../../context.js'
import { COMMANDS, type CommandId } from '../../model/commands.js'
import { KEYS, shownKey } from '../../model/keys.js'
import { type Move, nextExample } from '../../model/moves.js'
import { Copy } from '../copy.js'
import { OutcomeIcon, outcomeMeaning, outcomeWord } from '../outcome.js'
import { Name } from '../text.js'

/** Which example it is, what came of it, and the way to the next one. */
export function Heading({ branch, point, step }: { branch: string; point: TimelinePoint; step: Step | null }) {
  const { trans } = usePanel()
  const run = useRun()
  const view = useView()
  return (
    <header className="lh-Heading">
      <h2 className="lh-Heading-name">
        <span data-lh="index">#{point.index}</span>
        {run.branches.length > 1 && (
          <>
            <span className="lh-muted"> {trans.__('on')} </span>
            <Name>{branch}</Name>
          </>
        )}
        {point.chatId !== null && (
          <>
            <span className="lh-muted"> · {trans.__('chat')} </span>
            <Name>{point.chatId}</Name>
          </>
        )}
      </h2>
      <span className="lh-Heading-outcome" title={outcomeMeaning(point.outcome, trans)} data-lh="outcome">
        <OutcomeIcon kind={point.outcome} /> {outcomeWord(point.outcome, trans)}
      </span>
      <span className="lh-Heading-buttons">
        {step && (
          <Copy
            text={() => JSON.stringify(step, null, 2)}
            label={trans.__('Copy')}
            title={trans.__('Copy the example as JSON')}
          />
        )}
        <Go id="previous" sign="◀" to={nextExample(run, view, -1)} />
        <Go id="next" sign="▶" to={nextExample(run, view, 1)} />
      </span>
    </header>
  )
}

/** A step to a neighbouring example. */
export function Go({ id, sign, to }: { id: CommandId & ('previous' | 'next'); sign: string; to: Move }) {
  const { trans, view, source } = usePanel()
  const words = COMMANDS[id].words(trans, { source, view, trans })
  return (
    <button
      {...{ type: 'button', className: 'lh-Button lh-Button-icon', 'data-lh': id }}
      title={`${words} (${KEYS[id].map(shownKey).join(', ')})`}
      aria-label={words}
      disabled={to === null}
      onClick={() => to && view.set(to)}
    >
      <span aria-hidden="true">{sign}</span>
    </button>
  )
}
