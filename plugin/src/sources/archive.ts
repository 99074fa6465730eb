import '../model/no-eval.js'
import {
  ARCHIVED,
  ArchivedRun,
  ArchivedStep,
  type ControlAnswers,
  type RunState,
  type Step,
  type TimelinePoint,
} from 'lora-harness/protocol'
import type { z } from 'zod'
import { RunStore } from '../model/store.js'
import { adapterAnswers } from './archive-adapters.js'
import { type Answers, SavedSource } from './saved.js'
import { Zip } from './zip.js'

/** Largest parts that are read [bytes], and the longest run [steps]. */
const MOST = { run: 100_000_000, steps: 500_000_000, count: 200_000 }
/** Steps read before the page gets its turn. */
const PART = 200

/**
 * A run from the file that `lora-harness export --format zip` writes, read only.
 *
 * @param bytes untrusted
 * @param name of the file
 * @throws Error in words for a person, if it is no such file
 */
export async function openArchive(
  bytes: Uint8Array,
  name: string,
  schedule?: (tell: () => void) => void,
): Promise<SavedSource> {
  try {
    const zip = new Zip(bytes)
    const top = topOf(zip)
    const raw = json(zip.read(top + ARCHIVED.run, MOST.run), ARCHIVED.run)
    const version = versionOf(raw)
    const run = parsed(ArchivedRun, asOurs(raw, version), ARCHIVED.run, version)
    const steps = await stepsOf(zip.read(top + ARCHIVED.steps, MOST.steps), run, version)
    const store = stored(run, steps, name, schedule)
    const line = (branch: string, index: number): Step | undefined => {
      const of = run.branches.find(each => each.name === branch)
      return of && index < of.at && of.parent !== null
        ? line(of.parent, index)
        : steps.get(branch)?.[index - (of?.at ?? 0)]
    }
    const lineOf = (branch: string) => store.line(branch).map(({ index }) => line(branch, index)!)
    const why = 'This run is shown from a file: it can be looked at, and not gone on with here'
    const answers: Answers = {
      runs: () => [store.state!],
      example: ({ branch, index }) => line(branch, index) ?? refuse(`Branch ${branch} has no example ${index}`),
      callables: ({ hash }) =>
        run.callables.find(each => each.hash === hash) ?? refuse('Its source is not in the file'),
      lineage: () => lineage(run, store),
      // What lies in another format's folders of adapters is not known.
      ...(version === undefined && adapterAnswers(zip, top, run, lineOf)),
    }
    return new SavedSource(store, name, why, answers, version)
  } catch (cause) {
    throw new Error(`${name} cannot be shown: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

function refuse(why: string): never {
  throw new Error(why)
}

/** The folder that everything lies in, as `run/`. @throws Error if it is no exported run */
function topOf({ names }: Zip): string {
  const run = names.find(name => name.split('/').length === 3 && name.endsWith(`/${ARCHIVED.run}`))
  if (run) return run.slice(0, -ARCHIVED.run.length)
  const other = names.some(name => name.endsWith('/run.db'))
  return refuse(
    other
      ? 'it was exported by an older version, or the run is damaged: unpack it and export it again'
      : 'it is no run; lora-harness export --format zip writes one',
  )
}

function json(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return refuse(`${what} is damaged: it is no JSON`)
  }
}

/** Version of a format, if it is another one than ours. */
function versionOf(raw: unknown): string | undefined {
  const { v } = (raw ?? {}) as { v?: unknown }
  return (typeof v === 'number' || typeof v === 'string') && v !== 1 ? `${v}`.slice(0, 20) : undefined
}

/** What is of another version is read as ours, if it has all that ours has. */
const asOurs = (raw: unknown, version: string | undefined): unknown =>
  version === undefined ? raw : { ...(raw as object), v: 1 }

function parsed<T>(schema: z.ZodType<T>, raw: unknown, what: string, version?: string): T {
  const { success, data, error } = schema.safeParse(raw)
  if (success) return data
  if (version !== undefined)
    refuse(`it was written in format version ${version}, which this panel cannot read: export it again`)
  const { path = [], message = '' } = error.issues[0] ?? {}
  return refuse(`${what}: ${path.join('.')}: ${message}`.slice(0, 300))
}

/** Own steps of each branch. @throws Error if one is missing or of another shape */
async function stepsOf(
  bytes: Uint8Array,
  { branches }: ArchivedRun,
  version: string | undefined,
): Promise<Map<string, Step[]>> {
  const steps = new Map(branches.map(({ name }) => [name, [] as Step[]]))
  let count = 0
  for (let at = 0; at < bytes.length; count++) {
    const found = bytes.indexOf(10, at)
    const end = found < 0 ? bytes.length : found
    const line = `${ARCHIVED.steps}, line ${count + 1}`
    const step = parsed(ArchivedStep, asOurs(json(bytes.subarray(at, end), line), version), line, version)
    const own = steps.get(step.branch)
    const first = branches.find(({ name }) => name === step.branch)?.at
    if (!own || first === undefined || step.index !== first + own.length)
      refuse(
        `${ARCHIVED.steps}, line ${count + 1}: step ${step.index} of branch ${step.branch.slice(0, 100)} is out of place`,
      )
    own!.push(step)
    at = end + 1
    if (count >= MOST.count) refuse(`it has more than ${MOST.count} steps`)
    if (count % PART === 0) await new Promise(resolve => setTimeout(resolve))
  }
  return steps
}

/** What a timeline draws of a step. */
const pointOf = (step: Step): TimelinePoint => ({
  ...{ index: step.index, key: step.key, chatId: step.chatId, metrics: step.metrics },
  ...{ losses: step.losses, targetLoss: step.targetLoss, outcome: step.outcome.kind },
  baselines: Object.fromEntries(Object.entries(step.baselines).map(([name, { metrics }]) => [name, metrics])),
  finetuneFn: step.callables.finetuneFn,
  lora: (step.updatedLora ?? step.retrievedLora)?.identifier ?? null,
})

function stored(
  run: ArchivedRun,
  steps: ReadonlyMap<string, Step[]>,
  name: string,
  schedule?: (tell: () => void) => void,
): RunStore {
  const { branches, current, runId, error, status } = run
  const store = new RunStore(name, schedule)
  store.apply({ type: 'branches', branches, current })
  for (const { name, at } of branches)
    store.apply({ type: 'points', branch: name, from: at, points: steps.get(name)!.map(pointOf) })
  for (const [n, event] of run.events.entries()) store.apply({ type: 'event', n, event })
  const index = store.line(current).length
  const none = { retrieveLoraFn: '', inferenceFn: '', finetuneFn: '' }
  const callables = steps.get(current)?.at(-1)?.callables ?? none
  const state: RunState = {
    ...{ id: name, runId, folder: null, branch: current, status, index, total: null, stage: null, error, callables },
  }
  store.apply({ type: 'state', state })
  return store
}

const lineage = ({ current, branches, adapters }: ArchivedRun, store: RunStore): ControlAnswers['lineage'] => ({
  current,
  branches: branches.map(branch => ({ ...branch, length: store.line(branch.name).length })),
  adapters: adapters.map(({ identifier, parent, branch, index, bytes }) => ({
    identifier,
    parent,
    branch,
    index,
    bytes,
  })),
})
