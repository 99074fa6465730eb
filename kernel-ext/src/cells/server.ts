/** What fronts are told of the runs of this kernel, and what they can ask. Knows nothing of Jupyter. */
import { HarnessError, InputError, toStep } from 'lora-harness'
import { type ControlReply, ControlRequest, type EventMessage, type Json } from 'lora-harness/protocol'
import { adapters, annotate, directions, lineage, path } from './answers.js'
import type { NotebookHarness } from './notebook.js'
import { type Outbox, outbox } from './outbox.js'
import { allRuns, runOf, type Told, watchRuns } from './runs.js'

/** Lines to fronts, with the name of the front where it gave one. */
const lines = new Set<{ client: string | undefined; out: Outbox }>()

/**
 * Tells a front of every run: first all there is, then what happens.
 *
 * @param client the front's name, so that a snapshot it asks for goes to it alone
 * @returns what ends it
 */
export function follow(send: (message: EventMessage) => Promise<void>, client?: string): () => void {
  const out = outbox(send)
  const line = { client, out }
  lines.add(line)
  const offs: (() => void)[] = []
  offs.push(
    watchRuns(run => {
      snapshot(run, out)
      offs.push(run.watch(told => tell(run, told, out)))
    }),
  )
  return () => {
    lines.delete(line)
    out.close()
    for (const off of offs) off()
  }
}

/** A run and its forks share a record: each is told of the others' branches, and of what is done there. */
function tell(run: NotebookHarness, told: Told, out: Outbox): void {
  out.push(run.id, told)
  if (told.type !== 'points' && told.type !== 'branches') return
  for (const other of allRuns())
    if (other !== run && other.record === run.record)
      out.push(other.id, told.type === 'points' ? told : { ...told, current: other.branch.name })
}

/**
 * All there is of a run.
 *
 * @param known of each branch, the index from which on it is wanted
 */
function snapshot(run: NotebookHarness, out: Outbox, known: Record<string, number> = {}): void {
  const { id, record, answer } = run
  out.push(id, { type: 'branches', branches: [...record.branches], current: run.branch.name })
  for (const branch of record.branches) {
    const points = branch.name === run.branch.name ? run.points : record.timeline(branch.name)
    const from = Math.max(known[branch.name] ?? 0, branch.at)
    if (from < points.length) out.push(id, { type: 'points', branch: branch.name, from, points: points.slice(from) })
  }
  for (const [n, event] of run.events.entries()) out.push(id, { type: 'event', n, event })
  out.push(id, { type: 'token', index: Math.max(0, answer.index), from: 0, text: answer.text })
  out.push(id, { type: 'state', state: run.state })
  out.push(id, { type: 'ready' })
}

/** Replies kept of each front, and fronts: what is asked twice is done once. */
const KEPT = 200
const replies = new Map<string, Map<number, Promise<ControlReply>>>()
/** What may be answered again; its answers are large. */
const READING = new Set<ControlRequest['type']>([
  'runs',
  'example',
  'adapters',
  'directions',
  'path',
  'lineage',
  'callables',
])

/**
 * Does what a front asks, once: a request that comes again by its number, as after a lost connection, gets the reply of
 * the first one.
 *
 * @param client the front's name
 * @param data untrusted
 * @returns never rejects
 */
export function control(client: string, data: unknown): Promise<ControlReply> {
  const parsed = ControlRequest.safeParse(data)
  if (!parsed.success) {
    const { request } = (data ?? {}) as { request?: unknown }
    const wrong = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
    const error = `reading a request: ${wrong.slice(0, 1000)}`
    return Promise.resolve({ request: typeof request === 'number' ? request : -1, ok: false, error })
  }
  const { request } = parsed.data
  const known = replies.get(client) ?? new Map<number, Promise<ControlReply>>()
  replies.delete(client)
  replies.set(client, known) // The one that asked last is the last to be forgotten.
  if (replies.size > KEPT) replies.delete(replies.keys().next().value!)
  const reply =
    known.get(request) ??
    answer(client, parsed.data).then(
      (result): ControlReply => ({ request, ok: true, result }),
      (error: unknown): ControlReply => ({
        ...{ request, ok: false },
        error: error instanceof Error ? error.message : String(error),
      }),
    )
  known.set(request, reply)
  if (known.size > KEPT) known.delete(known.keys().next().value!)
  if (READING.has(parsed.data.type)) void reply.then(() => known.delete(request))
  return reply
}

async function answer(client: string, asked: ControlRequest): Promise<Json> {
  if (asked.type === 'runs') return json(allRuns().map(({ state }) => state))
  const run = asked.id === undefined ? undefined : runOf(asked.id)
  if (!run) {
    const ids = allRuns().map(({ id }) => id)
    throw new InputError(`there is no run ${asked.id ?? '(none was named)'}; there are ${ids.join(', ') || 'none'}`)
  }
  switch (asked.type) {
    case 'snapshot': {
      const mine = [...lines].filter(line => line.client === client)
      const known = asked.runId === run.state.runId ? asked.known : undefined
      for (const { out } of mine.length > 0 ? mine : lines) snapshot(run, out, known)
      return null
    }
    case 'pause':
      // Not awaited: an example may take minutes, and the state says `pausing` until then.
      void run.loop.pause()
      return json(run.state)
    case 'resume':
      if (run.loop.going) run.loop.resume()
      else run.start()
      return json(run.state)
    case 'step': {
      const result = await run.loop.step()
      return { index: result?.index ?? null }
    }
    case 'stop':
      await run.loop.stop()
      return json(run.state)
    case 'rewind':
      await run.rewind(asked.at, asked.name)
      return json(run.state)
    case 'fork': {
      const { at, name, skipUpdates = [] } = asked
      const { id } = await run.fork({ at, name, skipUpdates })
      return { id }
    }
    case 'example': {
      const { branch, index } = asked
      const own = branch === run.branch.name ? run.results[index] : undefined
      const step = own ? toStep(own) : run.record.steps(branch)[index]
      if (!step) throw new InputError(`branch ${branch} of run ${run.id} has no example ${index}`)
      return json(step)
    }
    case 'adapters':
      return json(await adapters(run, asked))
    case 'directions':
      return json(await directions(run, asked))
    case 'path':
      return json(await path(run, asked))
    case 'lineage':
      return json(lineage(run))
    case 'annotate':
      return annotate(run, asked)
    case 'callables': {
      const found = run.record.callable(asked.hash)
      if (!found) throw new HarnessError(`run ${run.id} has no callable ${asked.hash.slice(0, 12)}`)
      return json(found)
    }
  }
}

/** As the other side will read it. */
const json = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json
