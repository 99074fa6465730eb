/** The runs of this kernel, forks among them: what a browser can see and steer. */
import type { EventMessage } from 'lora-harness/protocol'
import type { NotebookHarness } from './notebook.js'

/** What a run tells those who watch it: an EventMessage without its address. */
export type Told = EventMessage extends infer M ? (M extends unknown ? Omit<M, 'seq' | 'id'> : never) : never

const runs = new Map<string, NotebookHarness>()
const watchers = new Set<(run: NotebookHarness) => void>()

export const allRuns = (): readonly NotebookHarness[] => [...runs.values()]
export const runOf = (id: string): NotebookHarness | undefined => runs.get(id)

export function remember(run: NotebookHarness): void {
  runs.set(run.id, run)
  for (const watcher of watchers) watcher(run)
}

/** Forgets a run that is closed, with its forks; those who watch them are told. */
export function forget(run: NotebookHarness): void {
  for (const fork of run.forks.values()) forget(fork)
  run.tellClosed()
  runs.delete(run.id)
}

/** Calls `watcher` for each run there is and will be, until the function returned is called. */
export function watchRuns(watcher: (run: NotebookHarness) => void): () => void {
  watchers.add(watcher)
  for (const run of runs.values()) watcher(run)
  return () => watchers.delete(watcher)
}
