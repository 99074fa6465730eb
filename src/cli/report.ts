import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { InputError } from '../errors.js'
import { readRun } from '../record/open.js'
import { parseRef } from '../record/ref.js'
import { writeReport } from '../report/html.js'
import { plural } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { shown, size } from './text.js'

export interface ReportCliOptions {
  /** In the run's folder by default. */
  out?: string
  redact?: boolean
  /** A notebook instead of a page. */
  notebook?: boolean
}

/**
 * `lora-harness report`: a branch of a run as one HTML file, or as a notebook.
 *
 * @param text FOLDER or FOLDER@BRANCH
 * @throws InputError if there is no such run or branch, or something else than a report where it is to be written
 * @throws StorageError if it cannot be written
 */
export async function report(
  text: string,
  { out, redact = false, notebook = false }: ReportCliOptions,
): Promise<ExitCode> {
  const { folder, branch, index } = parseRef(text)
  if (index !== undefined)
    throw new InputError(`reporting on ${text}: a report is of a whole branch; leave out #${index}`)
  const record = readRun(folder)
  try {
    // The name of a branch may be anything.
    const of = branch === undefined ? '' : `@${branch.replace(/[^\w.-]+/g, '-').slice(0, 60)}`
    const name = `report${of}${redact ? '-redacted' : ''}.${notebook ? 'ipynb' : 'html'}`
    const path = resolve(out ?? join(folder, name))
    await writeReport(record, path, { branch, redact, notebook })
    const examples = plural(record.timeline(branch).length, 'example')
    console.log(`${shown(path)}: ${examples}, ${size(statSync(path).size)}`)
    console.log(
      redact
        ? 'Texts, names of examples and chats, reasons and sources were left out; numbers are in it.'
        : 'It holds the texts of the examples; --redact leaves them out.',
    )
    return EXIT.finished
  } finally {
    record.close()
  }
}
