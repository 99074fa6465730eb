import { relative } from 'node:path'
import type { LoRAHarness } from '../harness/index.js'
import { createRun } from '../record/open.js'
import type { ExitCode } from './exit.js'
import { argsOf } from './experiment.js'
import { discard, makeRunFolder, newRunId } from './folder.js'
import { session } from './session.js'

export interface RunOptions {
  limit?: number
  out?: string
  seed?: number
  /** Put the examples in an order drawn from the seed. */
  shuffle?: true
  set: Record<string, string>
  /** Swap the callables whenever a file of the experiment is saved. */
  watch?: true
}

/**
 * `lora-harness run`: runs an experiment into a folder of its own. A run that recorded nothing leaves no folder.
 *
 * @param path of the experiment file
 * @throws as `session`
 */
export async function run(path: string, options: RunOptions): Promise<ExitCode> {
  const runId = newRunId(path)
  const folder = makeRunFolder(options.out, runId)
  const { limit, seed, set, watch = false } = options
  let recorded = false
  const open = async (harness: LoRAHarness) => {
    const args = {
      limit: limit ?? null,
      seed: seed ?? harness.seed,
      seedGiven: seed !== undefined,
      shuffle: options.shuffle ?? harness.shuffle,
      set,
    }
    const recorder = await createRun(folder, { runId, experiment: relative(process.cwd(), path), args })
    harness.onStep(() => {
      recorded = true
    })
    return Object.assign(harness, { recorder, runId, seed: args.seed, shuffle: args.shuffle })
  }
  try {
    return await session({ path, args: argsOf(options, folder), watch, open })
  } finally {
    if (!recorded) discard(folder)
  }
}
