import { z } from 'zod'
import type { Branch, RunEvent, TimelinePoint } from './run.js'
import type { Json } from './step.js'

/** MIME type of cards in notebooks: see `Card`. */
export const MIME = 'application/vnd.lora-harness.v1+json'
/**
 * Comm on which a kernel tells of its runs. The kernel opens one when it has a first run, to say that it can: nothing is
 * sent on it. A browser that wants to follow the runs opens its own.
 */
export const EVENTS_COMM = 'lora-harness.events.v1'
/** Comm on which a browser asks and commands; opened by the browser, and a second one, because messages of one comm wait for each other. */
export const CONTROL_COMM = 'lora-harness.control.v1'

/** What a run is doing. */
export interface RunState {
  /** Name that the notebook gave it. */
  id: string
  runId: string
  /** Folder of its record; null if it is kept in memory only. */
  folder: string | null
  branch: string
  /**
   * - `idle`: between cells; `paused`: in the middle of a run, held
   * - `pausing`: held as soon as the current example is done
   */
  status: 'idle' | 'running' | 'pausing' | 'paused' | 'finished' | 'failed'
  /** Index of the example that is next, or being worked on. */
  index: number
  /** How many examples there are; null if the source does not tell. */
  total: number | null
  /** Stage of the example being worked on; null between examples. */
  stage: string | null
  /** Why it failed. */
  error: string | null
  /** sha-256 of the callables as they are now. */
  callables: { retrieveLoraFn: string; inferenceFn: string; finetuneFn: string }
}

/**
 * What a kernel tells on the events comm: all there is when it is opened, the state first, then what happens. `seq` counts
 * up by one per run and comm: a gap means that something was missed, and `snapshot` brings it back. What comes again
 * replaces what has the same place. Another `runId` under the same name is another run: nothing of the old one holds.
 */
export type EventMessage = { seq: number; id: string } & (
  | { type: 'state'; state: RunState }
  /** Points of a branch from an index on: a part of a snapshot, or one new step. */
  | { type: 'points'; branch: string; from: number; points: TimelinePoint[] }
  | { type: 'branches'; branches: Branch[]; current: string }
  /** A piece of the answer to the example being worked on, from its character `from` on (UTF-16); '' from 0: there is none. */
  | { type: 'token'; index: number; from: number; text: string }
  /** The run's event number `n`, from 0. */
  | { type: 'event'; n: number; event: RunEvent }
  /** The snapshot that was asked for is whole. */
  | { type: 'ready' }
  /** The run was closed: nothing more is told of it, unless it is opened again. */
  | { type: 'closed' }
)

const index = z.int().nonnegative()
const name = z.string().min(1).max(500)

/**
 * Untrusted: what a browser asks. `request` names the answer; `id` the run. A browser names itself by `client` in the data
 * that it opens its comms with: a request that it sends again by the same number is done once.
 *
 * - `snapshot`: all there is of a run, on the events comm, but of each branch in `known` only what comes from that index
 *   on, if the run is still the one of `runId`
 * - `resume` begins a run that is idle
 * - `step` answers when the example is done: `{ index }`, null after the last one
 * - `adapters` looks at two adapters by identifier, and at what lies between them; null stands for none
 * - `directions` looks for directions of one module that the base model does not have: up to half a minute
 * - `annotate` puts a person's words beside an example
 *
 * Each is answered with what `ControlAnswers` says.
 */
export const ControlRequest = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('runs') }),
    z.object({ type: z.literal('snapshot'), runId: name.optional(), known: z.record(name, index).optional() }),
    z.object({ type: z.literal('pause') }),
    z.object({ type: z.literal('resume') }),
    z.object({ type: z.literal('step') }),
    z.object({ type: z.literal('stop') }),
    z.object({ type: z.literal('rewind'), at: index, name: name.optional() }),
    z.object({ type: z.literal('fork'), at: index, name, skipUpdates: z.array(index).max(100_000).optional() }),
    z.object({ type: z.literal('example'), branch: name, index }),
    z.object({ type: z.literal('adapters'), a: name.nullable(), b: name.nullable() }),
    z.object({ type: z.literal('directions'), adapter: name, module: name }),
    z.object({ type: z.literal('path'), branch: name }),
    z.object({ type: z.literal('lineage') }),
    z.object({ type: z.literal('callables'), hash: z.string().max(200) }),
    z.object({
      ...{ type: z.literal('annotate'), branch: name, index },
      ...{ tags: z.array(z.string().min(1).max(100)).max(50), note: z.string().max(10_000) },
    }),
  ])
  .and(z.object({ request: z.int().nonnegative(), id: name.optional() }))
export type ControlRequest = z.infer<typeof ControlRequest>

/** What a kernel answers on the control comm. */
export type ControlReply = { request: number } & ({ ok: true; result: Json } | { ok: false; error: string })
