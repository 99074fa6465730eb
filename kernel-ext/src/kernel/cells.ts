/** Cells one after the other: `execute_request` to its reply. */
import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { Jupyter } from '../jupyter.js'
import { bundleBy, describing } from '../transport.js'
import type { Message } from '../wire/message.js'
import type { History } from './history.js'
import type { Language, Outcome } from './language.js'

/** Gives the function that runs a request in its turn, calls `start` then, and ends with the reply's content. */
export function cellRunner(language: Language, jupyter: Jupyter, history: History) {
  let number = 0
  let queue: Promise<unknown> = Promise.resolve()
  /** Requests that came before a failed cell's end are dropped, as their authors asked. */
  let waiting: { dropped: boolean }[] = []

  async function run(request: Message): Promise<Record<string, unknown>> {
    const {
      code,
      silent = false,
      store_history = true,
      allow_stdin = false,
    } = request.content as Record<string, unknown>
    const source = String(code)
    const kept = Boolean(store_history) && !silent
    const mine = kept || number === 0 ? ++number : number
    if (kept) history.add(mine, source)
    const id = request.metadata.cellId
    const cell = { number: mine, code: source, ...(typeof id === 'string' && { id }) }
    const { header: parent, identities } = request
    return await jupyter.execute(
      { parent, identities, asks: Boolean(allow_stdin), silent: Boolean(silent), cell },
      async () => {
        await jupyter.say('execute_input', { code: source, execution_count: mine })
        // Not the cell's own errors, which are outcomes: the compiler itself may fail, and a reply is owed all the same.
        const ended = await language
          .execute(mine, source)
          .catch((error: unknown): Outcome => ({ error: language.tracebacks.of(error) }))
        jupyter.ran()
        const outcome = await shown(mine, ended)
        if (!('error' in outcome)) return { status: 'ok', execution_count: mine, user_expressions: {}, payload: [] }
        await jupyter.say('error', { ...outcome.error })
        return { status: 'error', execution_count: mine, ...outcome.error }
      },
    )
  }

  /** Shows a cell's last value; showing it may fail, too. */
  async function shown(execution_count: number, outcome: Outcome): Promise<Outcome> {
    if ('error' in outcome || outcome.value === undefined) return outcome
    try {
      const shows = bundleBy(outcome.value)
      const data = shows ? await shows() : { 'text/plain': inspect(outcome.value) }
      await jupyter.say('execute_result', { execution_count, data, metadata: describing(data) })
      history.result(execution_count, String(data['text/plain'] ?? ''))
      return outcome
    } catch (error) {
      return { error: language.tracebacks.of(error) }
    }
  }

  return (request: Message, start: () => void): Promise<Record<string, unknown>> => {
    const place = { dropped: false }
    waiting.push(place)
    const ended = queue.then(async () => {
      waiting = waiting.filter(other => other !== place)
      start()
      if (place.dropped) return { status: 'aborted' }
      const reply = await run(request)
      if (reply.status === 'error' && request.content.stop_on_error !== false) {
        // What was sent while the cell kept this thread busy has to be read first: one round of events.
        await turn()
        await turn()
        for (const other of waiting) other.dropped = true
      }
      return reply
    })
    queue = ended.catch(() => {})
    return ended
  }
}
