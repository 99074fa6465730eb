import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { HarnessError, messageOf } from '../errors.js'
import type { ArchivedRun } from '../protocol/index.js'
import { CALLABLES } from './changes.js'
import { stepsJsonl } from './jsonl.js'
import type { RunRecord } from './record.js'

/**
 * Writes what a browser shows of a run, which reads no database: `run` gets an `ArchivedRun`, `steps` every branch's own
 * steps.
 *
 * @param has is the folder of an adapter there?
 * @returns in words why there are none, if the record is damaged
 */
export function writePanelFiles(
  record: RunRecord,
  has: (folder: string) => boolean,
  files: { run: string; steps: string },
): string | null {
  const hashes = new Set<string>()
  try {
    const steps = openSync(files.steps, 'w')
    try {
      for (const { name } of record.branches)
        for (const step of record.ownSteps(name)) {
          writeSync(steps, stepsJsonl([step]))
          for (const callable of CALLABLES) hashes.add(step.callables[callable])
        }
    } finally {
      closeSync(steps)
    }
    const { status = 'running', error = null } = record.sessions.at(-1) ?? {}
    const run: ArchivedRun = {
      ...{
        v: 1,
        runId: record.info.runId,
        status: status === 'finished' || status === 'failed' ? status : 'idle',
        error,
      },
      ...{ branches: [...record.branches].map(mutable), current: record.current, events: record.events() },
      adapters: record.adapters().map(({ identifier, parent, branch, index, bytes, norms, folder, removed }) => ({
        ...{ identifier, parent, branch, index, bytes, norm: norms && Math.hypot(...Object.values(norms)) },
        folder: folder !== null && removed === null && has(folder) ? folder : null,
      })),
      callables: [...hashes].flatMap(hash => record.callable(hash) ?? []),
    }
    writeFileSync(files.run, JSON.stringify(run))
    return null
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error
    return messageOf(error)
  }
}

const mutable = <T extends { skipUpdates: readonly number[] }>(branch: T) => ({
  ...branch,
  skipUpdates: [...branch.skipUpdates],
})
