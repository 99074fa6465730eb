import { createHash } from 'node:crypto'
import { replaceDurably } from '../lora/durable.js'
import { readRun } from '../record/open.js'
import type { RunRecord } from '../record/record.js'
import { type ReportData, type ReportOptions, reportData } from './data.js'
import { constant, type Markup, markup } from './markup.js'
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

/**
 * Writes the report of a run: whole or not at all.
 *
 * @param run its folder, or its opened record
 * @throws InputError if there is no such run or branch
 * @throws StorageError if it cannot be written
 */
export async function writeReport(run: string | RunRecord, path: string, options: ReportOptions = {}): Promise<void> {
  const record = typeof run === 'string' ? readRun(run) : run
  try {
    replaceDurably(path, await renderReport(record, options))
  } finally {
    if (typeof run === 'string') record.close()
  }
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

const SCRIPT = `{ const kit = (${kit})(); (${page})(kit, (${exampleBody})(kit)) }`
// The policy's hashes are over exactly these texts.
const style: Markup = markup`<style>${constant(reportStyle)}</style>`
const script: Markup = markup`<script>${constant(SCRIPT)}</script>`
const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const policy = `default-src 'none'; style-src ${hash(reportStyle)}; script-src ${hash(SCRIPT)}; base-uri 'none'; form-action 'none'`
