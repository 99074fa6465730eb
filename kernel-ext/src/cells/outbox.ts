import type { EventMessage, TimelinePoint } from 'lora-harness/protocol'
import type { Told } from './runs.js'

/** Points in one message: a page reads one within a frame. */
const PART = 200
/** The time between two rounds of messages [ms]. */
const PACE = 50

/** What is to be told of one run and has not been sent yet. */
interface Pending {
  branches: Extract<Told, { type: 'branches' }> | undefined
  points: Map<string, { from: number; points: TimelinePoint[] }>
  /** By number. */
  events: Map<number, Extract<Told, { type: 'event' }>>
  token: Extract<Told, { type: 'token' }> | undefined
  state: Extract<Told, { type: 'state' }> | undefined
  ready: boolean
  closed: boolean
}

const nothing = (): Pending => ({
  ...{ branches: undefined, points: new Map(), events: new Map(), token: undefined, state: undefined },
  ...{ ready: false, closed: false },
})

/** Takes what a run tells for a front, and never makes the run wait. */
export interface Outbox {
  push(id: string, told: Told): void
  close(): void
}

/**
 * Sends what runs tell at the pace of a front: while it is behind, tokens are joined, points gather into lists, and of
 * states only the last is kept. Nothing that a front needs is lost, and what waits does not grow with time.
 *
 * @param send to the front; resolves when the message has left
 */
export function outbox(send: (message: EventMessage) => Promise<void>, pace = PACE): Outbox {
  let pending = new Map<string, Pending>()
  const seqs = new Map<string, number>()
  let sending = false
  let closed = false

  async function sendAll(): Promise<void> {
    while (pending.size > 0 && !closed) {
      const round = pending
      pending = new Map()
      for (const [id, told] of round)
        for (const message of messagesOf(told)) {
          const seq = seqs.get(id) ?? 0
          seqs.set(id, seq + 1)
          await send({ seq, id, ...message } as EventMessage)
          if (closed) return
        }
      await new Promise<void>(resolve => setTimeout(resolve, pace).unref())
    }
    sending = false
  }

  return {
    push(id, told) {
      if (closed) return
      const of = pending.get(id) ?? nothing()
      pending.set(id, of)
      add(of, told)
      if (sending) return
      sending = true
      // What is told in one go leaves in one round.
      queueMicrotask(() => {
        sendAll().catch(() => {
          closed = true // The line is broken; whoever comes back opens another.
        })
      })
    },
    close() {
      closed = true
    },
  }
}

function add(of: Pending, told: Told): void {
  switch (told.type) {
    case 'points': {
      const known = of.points.get(told.branch)
      const points = [...told.points]
      if (known && told.from >= known.from && told.from <= known.from + known.points.length)
        known.points.splice(told.from - known.from, points.length, ...points)
      else of.points.set(told.branch, { from: told.from, points })
      // The answer is in the step now.
      of.token = undefined
      break
    }
    case 'token': {
      const { token } = of
      const joins = token?.index === told.index && told.from >= token.from
      of.token = joins ? { ...token, text: token.text.slice(0, told.from - token.from) + told.text } : told
      break
    }
    case 'event':
      of.events.set(told.n, told)
      break
    case 'branches':
      of.branches = told
      break
    case 'state':
      of.state = told
      break
    case 'ready':
      of.ready = true
      of.closed = false
      break
    case 'closed':
      of.closed = true
  }
}

function* messagesOf({ branches, points, events, token, state, ready, closed }: Pending): Iterable<Told> {
  // Whoever takes a snapshot has to know first whether it is of the run that is known.
  if (ready && state) yield state
  if (branches) yield branches
  for (const [branch, { from, points: all }] of points)
    for (let i = 0; i < all.length; i += PART)
      yield { type: 'points', branch, from: from + i, points: all.slice(i, i + PART) }
  yield* [...events.values()].sort((a, b) => a.n - b.n)
  if (token) yield token
  if (state && !ready) yield state
  if (ready) yield { type: 'ready' }
  if (closed) yield { type: 'closed' }
}
