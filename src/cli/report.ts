import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { InputError } from '../errors.js'
import { replaceDurably } from '../lora/durable.js'
import { readRun } from '../record/open.js'
import { parseRef } from '../record/ref.js'
import { renderReport } from '../report/html.js'
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
 * @throws InputError if there is no such run or branch
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
    const options = { branch, redact }
    if (notebook) {
      const { renderNotebook } = await import('../report/notebook.js')
      // Its cells open the run from where the notebook lies; where people keep their things is nobody's business.
      const way = relative(dirname(path), resolve(folder)) || '.'
      const isPrivate = redact || way.includes(homedir().slice(1))
      const from = (isPrivate ? basename(resolve(folder)) : way).replaceAll('\\', '/')
      replaceDurably(path, await renderNotebook(record, from, options))
    } else replaceDurably(path, await renderReport(record, options))
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
