import { type Machine, machine, versions } from './versions.js'

/** What a run was started with and how it ended: the content of `run.json`. */
export interface RunInfo {
  v: 1
  runId: string
  /** Path of the experiment file, relative to the folder the run was started in; empty for a run begun by a program. */
  experiment: string
  args: {
    limit: number | null
    seed: number
    /** Was the seed asked for? Else it is the experiment's own, and its function was given 0. */
    seedGiven: boolean
    /** Were the examples put in an order drawn from the seed? */
    shuffle: boolean
    set: Record<string, string>
  }
  /** ISO 8601, UTC. */
  startedAt: string
  finishedAt: string | null
  /** `stopped`: by a person, after an example. */
  status: 'running' | 'finished' | 'stopped' | 'interrupted' | 'failed'
  /** Why it failed. */
  error: string | null
  /** Software by name. */
  versions: Record<string, string>
  machine: Machine
}

/** One process that wrote a run: the one that began it, or one that went on with it. */
export interface Session {
  /** From 1. */
  id: number
  /** ISO 8601, UTC. */
  startedAt: string
  endedAt: string | null
  /** `died`: the process ended without saying so. */
  status: RunInfo['status'] | 'died'
  error: string | null
  /** Process number and computer. */
  pid: number
  host: string
  versions: RunInfo['versions']
  machine: Machine
  /** Models that were loaded when it recorded its first step. */
  models: ModelFiles[]
  /** What was not as before, and was allowed: see `allowChanges`. */
  changes: string[]
}

/** What a model's answers depend on. */
export interface ModelFiles {
  id: string
  dtype: string
  device: string
  /** SHA-256 of its files, by path within its folder. */
  files: Record<string, string>
}

/** What a run begins with; the rest is found out. */
export type RunStart = Partial<Pick<RunInfo, 'runId' | 'experiment'>> & {
  args?: Partial<RunInfo['args']>
}

/** `run.json` of a run that begins now. */
export const infoOf = ({ runId = crypto.randomUUID(), experiment = '', args }: RunStart): RunInfo => ({
  v: 1,
  runId,
  experiment,
  args: { limit: null, seed: 0, seedGiven: false, shuffle: false, set: {}, ...args },
  startedAt: new Date().toISOString(),
  finishedAt: null,
  status: 'running',
  error: null,
  versions: versions(),
  machine: machine(),
})
