import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { basename, dirname, relative, resolve } from 'node:path'
import { InputError } from '../errors.js'
import { makeFolder, replaceDurably } from '../lora/durable.js'
import { readRun } from '../record/open.js'
import type { RunRecord } from '../record/record.js'
import { type ReportData, type ReportOptions, reportData } from './data.js'
import { constant, type Markup, markup } from './markup.js'
import { requireReplaceable } from './ours.js'
import { adapterTools } from './page/adapter.js'
import { exampleBody } from './page/example.js'
import { kit } from './page/kit.js'
import { page } from './page/page.js'
import { LEFT_OUT } from './redact.js'
import { adapter } from './sections/adapter.js'
import { branches, changes } from './sections/changes.js'
import { chats } from './sections/chats.js'
import { examples } from './sections/example.js'
import { nameOf, result, title } from './sections/result.js'
import { failures, settings } from './sections/settings.js'
import { reportStyle } from './style.js'

/**
 * A branch of a run as one HTML file: result on one screen, what was changed, branches, chats, every example, the
 * adapter in pictures, settings and how to run it again.
 *
 * The file needs no network and no kernel, and without script lacks only the filter and the whole texts of examples. Its
 * policy allows nothing but its own style sheet and script, by hash. All text from outside is escaped, or reaches the
 * page as data that the script shows as text.
 *
 * @throws InputError if there is no such branch
 */
export const renderReport = async (record: RunRecord, options: ReportOptions = {}): Promise<string> =>
  reportPage(await reportData(record, options))

export interface WriteOptions extends ReportOptions {
  /** A notebook instead of a page. */
  notebook?: boolean | undefined
}

/**
 * Writes the report of a run: whole or not at all. A report that is there is replaced; nothing else is.
 *
 * @param run its folder, or its opened record; for a notebook, whose cells open the run, one that has a folder
 * @throws InputError if there is no such run or branch, or at `path` something else than a report
 * @throws Error of the file system
 */
export async function writeReport(
  run: string | (RunRecord & { readonly folder?: string }),
  path: string,
  { notebook = false, ...options }: WriteOptions = {},
): Promise<void> {
  requireReplaceable(path)
  const record = typeof run === 'string' ? readRun(run) : run
  try {
    const text = notebook ? await notebookOf(record, path, options) : await renderReport(record, options)
    makeFolder(dirname(resolve(path)))
    replaceDurably(path, text)
  } finally {
    if (typeof run === 'string') record.close()
  }
}

/** Its cells open the run from where the notebook lies; where people keep their things is nobody's business. */
async function notebookOf(record: RunRecord & { readonly folder?: string }, path: string, options: ReportOptions) {
  const { folder } = record
  if (folder === undefined)
    throw new InputError(
      `writing a notebook of run ${record.info.runId}: its cells open the run's folder, and this run is kept in memory only; write a page`,
    )
  const { renderNotebook } = await import('./notebook.js') // Loads what draws PNG.
  const way = relative(dirname(resolve(path)), resolve(folder)) || '.'
  const isPrivate = options.redact || way.includes(homedir().slice(1))
  return await renderNotebook(record, (isPrivate ? basename(resolve(folder)) : way).replaceAll('\\', '/'), options)
}

/** What is gathered of a run as a page. */
export function reportPage(data: ReportData): string {
  const { steps, info, redacted } = data
  const some = steps.length > 0
  const name = nameOf(info.experiment)
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>${name}: LoRA run ${info.runId}</title>
${style}
</head>
<body>
<main>
${title(data)}
${redacted ? markup`<p class="notice">${LEFT_OUT}</p>` : ''}
${result(data)}
${some ? [changes(data), branches(data), chats(data), examples(data), adapter(data), failures(data)] : ''}
${settings(data)}
</main>
${script}
</body>
</html>
`.text
}

const SCRIPT = `{ const kit = (${kit})(); (${page})(kit, (${exampleBody})(kit), (${adapterTools})(kit)) }`
// The policy's hashes are over exactly these texts.
const style: Markup = markup`<style>${constant(reportStyle)}</style>`
const script: Markup = markup`<script>${constant(SCRIPT)}</script>`
const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const policy = `default-src 'none'; style-src ${hash(reportStyle)}; script-src ${hash(SCRIPT)}; base-uri 'none'; form-action 'none'`
