import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { InputError, messageOf } from '../errors.js'
import { headline, mean, ownValue } from './curve.js'
import { releaseFiles } from './database.js'
import { bytesIn } from './gc.js'
import { branchOf } from './line.js'
import { writerOf } from './lock.js'
import { readRun } from './open.js'
import type { RunRecord } from './record.js'
import type { Session } from './run-info.js'
import { RUN_DB } from './sqlite.js'

/** One run among others. */
export interface ListedRun {
  /** Absolute path. */
  folder: string
  /** Null where it cannot be read. */
  runId: string | null
  experiment: string | null
  /** ISO 8601, UTC. */
  startedAt: string | null
  /** Of the process that wrote it last; `running` only if that lives. */
  status: Session['status'] | null
  /** Process that writes it now, if that is known. */
  pid: number | null
  branches: number | null
  /** Of the current branch. */
  steps: number | null
  /** Mean over the current branch, of the adapter and of the first baseline; null if there is none, or it has too many steps. */
  score: { metric: string; adapter: number | null; baseline: { name: string; mean: number | null } | null } | null
  /** Size of everything in the folder. */
  bytes: number
  /** What keeps it from being read; null if nothing does. */
  problem: string | null
}

/** Means are computed of runs up to this length [steps]: a list should take seconds. */
const MOST_STEPS = 20_000

/**
 * The runs in a folder, newest first, with the other folders in it and what is wrong with them.
 *
 * @throws InputError if there is no such folder
 */
export async function listRuns(folder: string): Promise<ListedRun[]> {
  const path = resolve(folder)
  if (!existsSync(path) || !statSync(path).isDirectory())
    throw new InputError(`listing runs: there is no folder ${folder}`)
  const runs: ListedRun[] = []
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue
    runs.push(listed(join(path, entry.name)))
    if (runs.length % 50 === 0) await releaseFiles()
  }
  return runs.sort((a, b) => (b.startedAt ?? '').localeCompare(a.startedAt ?? '') || a.folder.localeCompare(b.folder))
}

function listed(folder: string): ListedRun {
  const unread: ListedRun = {
    folder,
    runId: null,
    experiment: null,
    startedAt: null,
    status: null,
    pid: null,
    branches: null,
    steps: null,
    score: null,
    bytes: 0,
    problem: null,
  }
  try {
    unread.bytes = bytesIn(folder)
    Object.assign(unread, begun(folder))
    const record = readRun(folder)
    try {
      const { runId, experiment, startedAt } = record.info
      const steps = stepsOf(record)
      return {
        ...unread,
        ...{ runId, experiment, startedAt, steps },
        ...statusOf(record, folder),
        branches: record.branches.length,
        score: steps <= MOST_STEPS ? scoreOf(record) : null,
      }
    } finally {
      record.close()
    }
  } catch (error) {
    const known = existsSync(join(folder, RUN_DB)) || unread.startedAt !== null
    return { ...unread, problem: known ? messageOf(error) : 'it is not a run' }
  }
}

/** What `run.json` says of a run whose database may not say it. */
function begun(folder: string): Partial<ListedRun> {
  try {
    const { runId, experiment, startedAt } = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'))
    return typeof startedAt === 'string' ? { runId: String(runId), experiment: String(experiment), startedAt } : {}
  } catch {
    return {}
  }
}

function statusOf({ sessions }: RunRecord, folder: string): Pick<ListedRun, 'status' | 'pid'> {
  const status = sessions.at(-1)?.status ?? null
  if (status !== 'running') return { status, pid: null }
  const writer = writerOf(folder)
  if (writer === null) return { status: 'died', pid: null }
  return { status, pid: writer === 'unknown' ? null : writer.pid }
}

/** How many steps the current branch has. */
const stepsOf = (record: RunRecord): number =>
  branchOf(record, record.current).at + record.examples(record.current).length

function scoreOf(record: RunRecord): ListedRun['score'] {
  const points = record.timeline()
  const metric = headline(points)
  if (metric === null) return null
  const [name] = points.flatMap(({ baselines }) => Object.keys(baselines))
  const baseline =
    name === undefined
      ? null
      : { name, mean: mean(points.map(({ baselines }) => ownValue(ownValue(baselines, name), metric) ?? null)) }
  return { metric, adapter: mean(points.map(({ metrics }) => ownValue(metrics, metric) ?? null)), baseline }
}
