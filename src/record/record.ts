import type { Sources } from '../harness/callables.js'
import type { Past } from '../harness/past.js'
import type { Recorder } from '../harness/recorder.js'
import type { LoRAHandle } from '../lora/handle.js'
import type { Branch, Json, Probing, RunEvent, Step, TimelinePoint } from '../protocol/index.js'
import { CALLABLES } from './changes.js'
import type { RunInfo, Session } from './run-info.js'

/** What is known of an adapter that a step named. */
export interface AdapterRecord {
  identifier: string
  /** The adapter that it was trained from; null if from none, or if it came from elsewhere. */
  parent: string | null
  /** The step that it first came up in. */
  branch: string
  index: number
  /** Its folder under `adapters/`; null if there is none. */
  folder: string | null
  /** Size and SHA-256 of its files. */
  files: Record<string, { bytes: number; sha256: string }>
  /** Size of all its files [bytes]. */
  bytes: number
  /** ‖ΔW‖_F of each module; null if it is no plain LoRA adapter. */
  norms: Record<string, number> | null
  embedding: readonly number[] | null
  metadata: Record<string, Json>
  /** When and why its files were given up; null if they are there. */
  removed: { time: string; why: string } | null
}

/** Text of a callable, and of the files it came from. */
export interface CallableRecord {
  hash: string
  source: string
  code: string
}

/** A run, to be read. */
export interface RunRecord extends Past {
  /** How it began. */
  readonly info: RunInfo
  /** The processes that wrote it. */
  readonly sessions: readonly Session[]
  readonly branches: readonly Branch[]
  /** The branch last worked on. */
  readonly current: string
  /** A branch's own steps, by index. @throws InputError if there is no such branch */
  ownSteps(branch: string): Step[]
  /** Steps of a branch with those of its parents, by index; of the current one by default. */
  steps(branch?: string): Step[]
  /** As `steps`, but only what a timeline draws: a fraction of the time and memory. */
  timeline(branch?: string): TimelinePoint[]
  /** Hashes of the examples of a branch's own steps: see `exampleHash`. */
  examples(branch: string): string[]
  /** In the order in which they came up. */
  adapters(): AdapterRecord[]
  adapter(identifier: string): AdapterRecord | undefined
  /** The adapter as callables were given it. */
  lora(identifier: string): LoRAHandle
  callable(hash: string): CallableRecord | undefined
  /** What probes scored on a branch and, before it left, its parents. */
  probings(branch?: string): Probing[]
  events(): RunEvent[]
  close(): void
}

/** A run that is being written. */
export interface RunWriter extends RunRecord, Required<Recorder> {
  /** What ended this process's part; `close` does it with `interrupted` if nobody has. */
  end(status: Exclude<RunInfo['status'], 'running'>, error?: string | null): void
}

/** Texts of the callables that a recorded step names. */
export function callableSources(record: Pick<RunRecord, 'callable'>, hashes: Step['callables']): Sources {
  const [retrieveLoraFn, inferenceFn, finetuneFn] = CALLABLES.map(name => record.callable(hashes[name])!)
  return {
    retrieveLoraFn: retrieveLoraFn!.source,
    inferenceFn: inferenceFn!.source,
    finetuneFn: finetuneFn!.source,
    code: finetuneFn!.code,
  }
}

export const pointOf = (step: Omit<Step, 'runId' | 'branch'>): TimelinePoint => ({
  index: step.index,
  key: step.key,
  chatId: step.chatId,
  metrics: step.metrics,
  losses: step.losses,
  targetLoss: step.targetLoss,
  outcome: step.outcome.kind,
  baselines: Object.fromEntries(Object.entries(step.baselines).map(([name, { metrics }]) => [name, metrics])),
  finetuneFn: step.callables.finetuneFn,
  lora: (step.updatedLora ?? step.retrievedLora)?.identifier ?? null,
})
