import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { InputError } from '../errors.js'

/** What tells a page of ours: it is made by `reportPage`, whose title names the run. */
const PAGE = /^<!doctype html>\n<html lang="en">[\s\S]{0,4000}?<title>[^<]*: LoRA run /

/** A notebook's mark: by it is found whether a person has changed its cells since. */
export const markOf = (cells: readonly { source: string | readonly string[] }[]): string =>
  createHash('sha256')
    .update(JSON.stringify(cells.map(({ source }) => (typeof source === 'string' ? source : source.join('')))))
    .digest('hex')

/**
 * Refuses a path at which there is anything but a report of ours: those are made again from their run, so that they may be
 * replaced. A notebook of ours whose cells somebody has changed is that person's work; running them is no change.
 *
 * @throws InputError
 */
export function requireReplaceable(path: string): void {
  if (!existsSync(path) || isOurs(path)) return
  const what = extname(path) === '.ipynb' ? 'or one with cells changed by hand' : 'written by something else'
  throw new InputError(
    `writing a report to ${path}: there is a file that is no report of LoRA Harness, ${what}; give the report another path, or remove the file`,
  )
}

function isOurs(path: string): boolean {
  const text = readFileSync(path, 'utf8')
  if (PAGE.test(text.slice(0, 10_000))) return true
  try {
    const { metadata, cells } = JSON.parse(text)
    return metadata['lora-harness'].mark === markOf(cells)
  } catch {
    return false // No JSON, or not such a notebook.
  }
}
