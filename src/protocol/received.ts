import { z } from 'zod'
import type { AdapterPair, AdapterWay, ControlAnswers, Lineage, TunedDirections } from './answers.js'
import type { ControlReply, EventMessage, RunState } from './messages.js'
import type { Branch, RunEvent, TimelinePoint } from './run.js'
import type { Json, Step } from './step.js'

/**
 * What a browser takes from a kernel or a file, which it does not trust: nothing larger than a run can be is let in, and
 * nothing of another shape. Fields that are not known are left out.
 */

/** Most entries of a list. */
const MOST = 200_000
const list = <T extends z.ZodType>(of: T) => z.array(of).max(MOST)
/** A name, a key, a hash, a path. */
const name = z.string().max(10_000)
const text = z.string().max(20_000_000)
const index = z
  .int()
  .nonnegative()
  .max(2 ** 31)
/** What came as JSON is JSON. */
const json = z.custom<Json>(value => value !== undefined)
const fields = z.record(name, json).refine(of => Object.keys(of).length <= 10_000, 'more than 10,000 fields')
const metrics = z.record(name, z.number()).refine(of => Object.keys(of).length <= 1000, 'more than 1,000 metrics')
const size = z.number().nonnegative()
/** JSON has no NaN: it comes as null. */
const loss = z.union([z.number(), z.null().transform(() => Number.NaN)])
const targetLoss = z.object({ before: loss, after: loss }).nullable()
const outcome = z.enum(['updated', 'unchanged', 'skipped', 'failed'])
const callables = z.object({ retrieveLoraFn: name, inferenceFn: name, finetuneFn: name })
const adapter = z.object({ identifier: name }).nullable()

const branch = z.object({ name, parent: name.nullable(), at: index, skipUpdates: list(index) })
/** A branch leaves one that is told before it: so there is no circle, and no branch twice. */
const inOrder = (branches: readonly Branch[]): boolean => {
  const told = new Set<string>()
  return branches.every(({ name, parent }) => {
    if (told.has(name) || (parent !== null && !told.has(parent))) return false
    told.add(name)
    return true
  })
}
const branches = z.array(branch).max(10_000).refine(inOrder, 'a branch comes before the one it left, or twice')

const point = z.object({
  ...{ index, key: name, chatId: name.nullable(), metrics, losses: list(loss), targetLoss, outcome },
  ...{ baselines: z.record(name, metrics), finetuneFn: name, lora: name.nullable() },
})

const event = z.object({ type: name, branch: name, index, time: name }).catchall(json)

const state = z.object({
  ...{ id: name, runId: name, folder: name.nullable(), branch: name, index, total: index.nullable() },
  status: z.enum(['idle', 'running', 'pausing', 'paused', 'finished', 'failed']),
  ...{ stage: name.nullable(), error: text.nullable(), callables },
})

const ms = z.object({ retrieve: size, infer: size, evaluate: size, finetune: size, record: size })
const step = z.object({
  ...{ v: z.literal(1), runId: name, branch: name, index, key: name, datasetName: name, split: name.nullable() },
  ...{ testIdx: z.union([name, z.number()]), chatId: name.nullable(), lang: name },
  ...{ messages: list(z.object({ role: name, content: text })), response: text, metrics, details: fields },
  baselines: z.record(name, z.object({ response: text, metrics })),
  ...{ retrievedLora: adapter, updatedLora: adapter, callables, seed: z.number(), losses: list(loss), targetLoss },
  outcome: z.object({ kind: outcome, reason: text.exactOptional() }),
  ...{ tokens: z.object({ prompt: size, new: size }), ms, startedAt: name },
})

const told = { seq: index, id: z.string().min(1).max(500) }
const follows = (from: number, points: readonly TimelinePoint[]) => points.every((p, i) => p.index === from + i)

/** A message of the events comm. */
export const ReceivedEvent = z.discriminatedUnion('type', [
  z.object({ ...told, type: z.literal('state'), state }),
  z
    .object({ ...told, type: z.literal('points'), branch: name, from: index, points: z.array(point).max(10_000) })
    .refine(({ from, points }) => follows(from, points), 'points that do not follow each other'),
  z.object({ ...told, type: z.literal('branches'), branches, current: name }),
  z.object({ ...told, type: z.literal('token'), index, from: index, text }),
  z.object({ ...told, type: z.literal('event'), n: z.int().nonnegative().max(MOST), event }),
  z.object({ ...told, type: z.literal('ready') }),
  z.object({ ...told, type: z.literal('closed') }),
]) satisfies z.ZodType<EventMessage>

/** A message of the control comm; `ReceivedAnswers` says what its result may be. */
export const ReceivedReply = z.discriminatedUnion('ok', [
  z.object({ request: z.int().nonnegative(), ok: z.literal(true), result: json }),
  z.object({ request: z.int().nonnegative(), ok: z.literal(false), error: z.string().max(100_000) }),
]) satisfies z.ZodType<ControlReply>

const module = z.object({
  ...{ module: name, norm: size, baseNorm: size.nullable(), rank: index.nullable() },
  ...{ effectiveRank: size.nullable(), strongest: size.nullable(), values: z.array(size).max(10_000) },
})
const modules = z.array(module).max(50_000)
const cosine = z.number().min(-1).max(1).nullable()
const pair: z.ZodType<AdapterPair> = z.object({
  ...{ a: name.nullable(), b: name.nullable(), norms: z.object({ a: size, b: size, change: size }), cosine },
  modules: z.object({ a: modules, b: modules, change: modules }),
  ...{ all: z.array(name).max(50_000).nullable(), baseWhy: text.nullable() },
})
const directions: z.ZodType<TunedDirections> = z.object({
  ...{ cosines: z.array(z.number().min(0).max(1)).max(1000), newBelow: z.number().min(0).max(1) },
})
const path: z.ZodType<AdapterWay> = z.object({
  lines: z.array(z.object({ name, norms: list(size.nullable()) })).max(10_000),
  ...{ moves: list(z.object({ at: index, step: size, onward: cosine })), updates: index },
  branches: z
    .object({ names: z.array(name).max(1000), cosines: z.array(z.array(cosine).max(1000)).max(1000) })
    .nullable(),
})
const lineage: z.ZodType<Lineage> = z.object({
  current: name,
  branches: z
    .array(branch.extend({ length: index }))
    .max(10_000)
    .refine(inOrder, 'a branch comes before the one it left, or twice'),
  adapters: list(z.object({ identifier: name, parent: name.nullable(), branch: name, index, bytes: size })),
})
const states: z.ZodType<RunState> = state

/** What each request may be answered with. */
export const ReceivedAnswers: { [T in keyof ControlAnswers]: z.ZodType<ControlAnswers[T]> } = {
  ...{ runs: z.array(states).max(10_000), snapshot: z.null(), pause: states, resume: states },
  ...{ step: z.object({ index: index.nullable() }), stop: states, rewind: states, fork: z.object({ id: name }) },
  ...{ example: step, adapters: pair, directions, path, lineage, annotate: z.null() },
  callables: z.object({ hash: name, source: text, code: text }),
}

/** Parts of a run that come in files. */
export const ReceivedStep: z.ZodType<Step> = step
export const ReceivedBranches: z.ZodType<Branch[]> = branches
export const ReceivedRunEvent: z.ZodType<RunEvent> = event
