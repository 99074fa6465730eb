import { createWriteStream, renameSync, rmSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { InputError } from '../errors.js'
import type { Step } from '../protocol/index.js'
import { zipRun } from '../record/archive.js'
import { stepsCsv } from '../record/csv.js'
import { stepsJsonl } from '../record/jsonl.js'
import { readRun } from '../record/open.js'
import { parseRef, type RunRef } from '../record/ref.js'
import { readableSteps } from '../record/verify/verify.js'
import { EXIT, type ExitCode } from './exit.js'
import { plain } from './text.js'

export interface ExportOptions {
  format: 'zip' | 'jsonl' | 'csv'
  /** Standard output by default. */
  out?: string
  /** The own steps of every branch. */
  all?: boolean
  /** Of a damaged run what is as it was recorded. */
  readable?: boolean
}

/**
 * `lora-harness export`: a run as a zip file, its steps as JSON Lines or as a table.
 *
 * @param text FOLDER, FOLDER@BRANCH, or FOLDER@BRANCH#INDEX for the steps up to an example
 * @throws InputError if that cannot be exported so, or there is no such run or branch
 */
export async function exportRun(text: string, options: ExportOptions): Promise<ExitCode> {
  const { format, out, all, readable } = options
  const ref = parseRef(text)
  const part = ref.branch !== undefined || ref.index !== undefined
  const doing = `exporting ${text} as ${format}`
  if (format === 'zip') {
    if (part || all || readable) throw new InputError(`${doing}: a zip file is the run as a whole, with all branches`)
    if (out === undefined && process.stdout.isTTY)
      throw new InputError(`${doing}: bytes are not for a terminal; say --out FILE, or send them on with > or |`)
    const { missing, unshown } = await zipRun(ref.folder, zip => write(zip, out))
    if (missing.length > 0) console.error(`${missing.length} adapters are missing in the run: see lora-harness verify.`)
    if (unshown !== null) console.error(`The panel of JupyterLab cannot show this file: ${plain(unshown, 300)}`)
    return EXIT.finished
  }
  if (all && (part || readable)) throw new InputError(`${doing}: --all is every branch, whole`)
  await withSteps(ref, options, async steps => {
    const lines = format === 'csv' ? stepsCsv(steps) : jsonl(steps())
    await write(Readable.from(lines), out)
  })
  return EXIT.finished
}

function* jsonl(steps: Iterable<Step>): Generator<string> {
  for (const step of steps) yield stepsJsonl([step])
}

/** @param use is given what walks the steps that were asked for */
async function withSteps(
  { folder, branch, index = Number.POSITIVE_INFINITY }: RunRef,
  { all, readable }: Pick<ExportOptions, 'all' | 'readable'>,
  use: (steps: () => Iterable<Step>) => Promise<void>,
): Promise<void> {
  if (readable) {
    const found = readableSteps(folder, branch)
    console.error(
      `${found.steps.length} steps of branch ${plain(found.branch, 60)} are as they were recorded; ` +
        `${found.lost} before the last of them are not, and are left out.`,
    )
    return use(() => found.steps.filter(step => step.index <= index))
  }
  const record = readRun(folder)
  try {
    await use(function* () {
      if (all) for (const { name } of record.branches) yield* record.ownSteps(name)
      else for (const step of record.eachStep(branch ?? record.current)) if (step.index <= index) yield step
    })
  } finally {
    record.close()
  }
}

/** Writes a file, whole or not at all, or to standard output. */
async function write(content: Readable, out: string | undefined): Promise<void> {
  if (out === undefined) {
    try {
      await pipeline(content, process.stdout, { end: false })
      await new Promise(done => process.stdout.write('', done))
    } catch (error) {
      // Whoever reads has enough, as in `… | head`.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
    }
    return
  }
  const temporary = `${out}.${process.pid}.new`
  try {
    await pipeline(content, createWriteStream(temporary, { flags: 'wx', flush: true }))
    renameSync(temporary, out)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
