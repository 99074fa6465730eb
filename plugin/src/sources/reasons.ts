import type { RunState } from 'lora-harness/protocol'
import type { AskType } from '../model/source.js'
import type { RunStore } from '../model/store.js'

/** Why a command would change nothing, by what the run is doing; null if it would. */
const REASONS: { [T in AskType]?: (state: RunState) => string | null } = {
  pause: ({ status }) =>
    status === 'running' ? null : status === 'pausing' ? 'It pauses after this example' : 'Nothing is running',
  resume: ({ status }) =>
    status === 'running' ? 'It is running' : status === 'finished' ? 'All examples are done' : null,
  step: ({ status, stage }) =>
    status === 'finished'
      ? 'All examples are done'
      : status === 'running' || status === 'pausing'
        ? 'Pause the run first'
        : stage !== null
          ? 'An example is being worked on'
          : null,
  stop: ({ status }) => (['running', 'pausing', 'paused'].includes(status) ? null : 'Nothing is running'),
  rewind: ({ index }) => (index === 0 ? 'No example is done yet' : null),
  fork: ({ index }) => (index === 0 ? 'No example is done yet' : null),
}

/** Why something cannot be asked of a run of a kernel now, in words for a tooltip; null if it can. */
export function reasonAgainst(type: AskType, { connection, state }: RunStore): string | null {
  if (connection.kind === 'lost') return 'The connection to the kernel is lost'
  if (connection.kind === 'restarted')
    return 'The kernel was started anew: run the cell that opens this run, and it goes on'
  if (connection.kind === 'closed') return 'The run was closed: run the cell that opens it, and it goes on'
  if (type === 'runs' || type === 'snapshot') return null
  if (!state) return 'The run is still being loaded'
  return REASONS[type]?.(state) ?? null
}
