import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InputError } from '../errors.js'
import type { LoRAHarness } from '../harness/index.js'
import { setAdapterFolder } from '../lora/folder.js'
import type { Json } from '../protocol/index.js'
import { readRun } from '../record/open.js'
import { parseRef } from '../record/ref.js'
import { type Replayed, replay } from '../record/replay.js'
import type { RunInfo } from '../record/run-info.js'
import { plural } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { argsOfRun, harnessOf, loadExperiment } from './experiment.js'
import { type Interruption, onInterrupt } from './interrupt.js'
import { plain } from './text.js'

export interface ReplayOptions {
  /** First example, 0 by default. */
  from?: number
  /** How many at most. */
  limit?: number
  /** Path of the experiment file, if it is no longer where the run found it. */
  experiment?: string
}

/**
 * `lora-harness replay`: computes recorded steps again and says whether each comes out as recorded; ends at the first
 * that does not.
 *
 * @param ref `FOLDER[@BRANCH]`
 * @throws InputError if there is no such run, or its experiment cannot be loaded
 */
export async function replayRun(ref: string, { from = 0, limit, experiment }: ReplayOptions): Promise<ExitCode> {
  const { folder, branch, index } = parseRef(ref)
  if (index !== undefined)
    throw new InputError(`replaying ${ref}: leave out #${index}; --from and --limit choose steps`)
  const record = readRun(folder)
  const adapters = mkdtempSync(join(tmpdir(), 'lora-harness-replay-'))
  const interruption = onInterrupt(() => {})
  const count = { equal: 0, other: 0 }
  let different: Replayed | undefined
  try {
    const harness = await Promise.race([
      harnessAgain(folder, record.info, interruption, experiment),
      interruption.aborted,
    ])
    setAdapterFolder(adapters)
    const to = limit === undefined ? undefined : from + limit
    const range = { from, ...(branch === undefined ? {} : { branch }), ...(to === undefined ? {} : { to }) }
    for await (const one of replay(record, harness, range)) {
      if (interruption.signal.aborted) return EXIT.interrupted
      console.log(line(one))
      if (one.otherCallables.length > 0) count.other++
      else if (one.difference) {
        different = one
        break
      } else count.equal++
    }
    if (interruption.signal.aborted) return EXIT.interrupted
  } finally {
    interruption.release()
    record.close()
    rmSync(adapters, { recursive: true })
  }
  console.log(`\n${verdict(count, different)}`)
  return different || count.equal === 0 ? EXIT.failed : EXIT.finished
}

/** The harness that a run was made with, as its experiment makes it today. */
async function harnessAgain(
  folder: string,
  { experiment, args }: RunInfo,
  { signal }: Interruption,
  elsewhere: string | undefined,
): Promise<LoRAHarness> {
  const path = elsewhere ?? experiment
  if (path === '')
    throw new InputError(`replaying ${folder}: a program began this run; name an experiment file by --experiment`)
  const loaded = await loadExperiment(path)
  const context = { args: argsOfRun(args, folder), signal }
  return Object.assign(await harnessOf(loaded.experiment, path, context), { code: loaded.code })
}

function line({ step, difference, otherCallables }: Replayed): string {
  const what = `${step.index} ${plain(step.key, 40)}`
  if (otherCallables.length > 0) return `${what} not computed: made by another ${otherCallables.join(', ')}`
  if (!difference)
    return `${what} equal${step.updatedLora ? `, adapter ${step.updatedLora.identifier.slice(0, 8)}` : ''}`
  const { path, a, b } = difference
  return `${what} DIFFERS in ${plain(path, 60)}\n  recorded: ${shown(a)}\n  now:      ${shown(b)}`
}

const shown = (value: Json | undefined): string =>
  value === undefined ? '(nothing)' : plain(JSON.stringify(value), 200)

function verdict({ equal, other }: { equal: number; other: number }, different: Replayed | undefined): string {
  const rest = other > 0 ? ` ${plural(other, 'step')} made by other callables could not be computed again.` : ''
  if (different)
    return `Not equal: step ${different.step.index} is the first that differs, after ${plural(equal, 'equal step')}.${rest}`
  if (equal === 0) return `Nothing was proved: no step could be computed again.${rest}`
  return `${plural(equal, 'step')} computed again: all equal, responses and adapters to the last bit.${rest}`
}
