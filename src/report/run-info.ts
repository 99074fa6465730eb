/** What a run was started with and how it ended: the content of `run.json`. */
export interface RunInfo {
  v: 1
  runId: string
  /** Path of the experiment file, relative to the folder the run was started in. */
  experiment: string
  args: { limit: number | null; seed: number; set: Record<string, string> }
  /** ISO 8601, UTC. */
  startedAt: string
  finishedAt: string | null
  status: 'running' | 'finished' | 'interrupted' | 'failed'
  /** Why it failed. */
  error: string | null
  /** Software by name. */
  versions: Record<string, string>
  machine: { platform: string; arch: string; cores: number; memoryBytes: number }
}
