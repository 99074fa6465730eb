import { statSync } from 'node:fs'
import { writeReport } from 'lora-harness'
import { type FileView, fileCard } from '../cards/file.js'
import type { NotebookHarness } from './notebook.js'

export interface ReportFileOptions {
  /** Leave out what people wrote or said; numbers stay. */
  redact?: boolean
  /** A notebook instead of a page: by default if the path ends in `.ipynb`. */
  notebook?: boolean
}

/** See `NotebookHarness.report`. */
export async function report(
  { record, branch, points }: NotebookHarness,
  path: string,
  { redact = false, notebook = /\.ipynb$/i.test(path) }: ReportFileOptions = {},
): Promise<FileView> {
  const examples = points.length
  await writeReport(record, path, { branch: branch.name, redact, notebook })
  return fileCard(path, { bytes: statSync(path).size, examples, redact })
}
