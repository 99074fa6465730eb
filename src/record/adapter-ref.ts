import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { InputError, quote } from '../errors.js'
import { PEFT_FILES } from '../lora/format.js'
import { readRun } from './open.js'
import type { RunRecord } from './record.js'
import { parseRef } from './ref.js'

/** Where an adapter lies. */
export interface AdapterPlace {
  /** Its PEFT folder. */
  path: string
  /** The run and its name there, if it was found through one. */
  run?: { folder: string; identifier: string }
}

/**
 * Finds the adapter that a text of the command line means: a PEFT folder, or `RUN[@BRANCH][#INDEX]`, the adapter that
 * an example of a run left behind (its update, or else the one that it was answered with; without INDEX the last one).
 *
 * @throws InputError if there is no such folder, run, branch or example, if the example had no adapter, or its files
 * were given up
 */
export function findAdapter(text: string): AdapterPlace {
  if (existsSync(join(text, Object.keys(PEFT_FILES)[0]!))) return { path: text }
  const { folder, branch, index } = parseRef(text)
  if (!existsSync(folder))
    throw new InputError(
      `finding adapter ${quote(text)}: there is no such folder; name a PEFT folder, or RUN, RUN@BRANCH, RUN#INDEX for the adapter after an example`,
    )
  return inRun(folder, run => {
    const points = run.timeline(branch)
    const point = index === undefined ? points.findLast(p => p.lora !== null) : points.find(p => p.index === index)
    const fail = (what: string): never => {
      throw new InputError(`finding adapter ${quote(text)}: ${what}`)
    }
    if (!point)
      return fail(index === undefined ? 'no example of the run has left one' : `the branch has no example ${index}`)
    if (point.lora === null) return fail(`example ${index} left none: its update was ${point.outcome}`)
    return placeOf(run, folder, point.lora)
  })
}

/**
 * The adapters of a run from one to a later one that came of it, each trained from the one before; undefined if the two
 * are not of one run, or the first is no forebear of the second.
 *
 * @throws InputError if the files of one between them were given up
 */
export function lineageOf(first: AdapterPlace, last: AdapterPlace): AdapterPlace[] | undefined {
  const { run: from } = first
  const { run: to } = last
  if (!from || !to || from.folder !== to.folder) return undefined
  return inRun(from.folder, run => {
    const line: string[] = []
    for (let at: string | null = to.identifier; at !== null && !line.includes(at); ) {
      line.unshift(at)
      if (at === from.identifier) return line.map(identifier => placeOf(run, from.folder, identifier))
      at = run.adapter(at)?.parent ?? null
    }
    return undefined
  })
}

function inRun<T>(folder: string, read: (run: RunRecord) => T): T {
  const run = readRun(folder)
  try {
    return read(run)
  } finally {
    run.close()
  }
}

function placeOf(run: RunRecord, folder: string, identifier: string): AdapterPlace {
  const removed = run.adapter(identifier)?.removed
  const { path } = run.lora(identifier)
  if (removed || path === undefined)
    throw new InputError(
      `reading adapter ${identifier.slice(0, 12)} of run ${folder}: ${removed ? `its files were given up: ${removed.why}` : 'the run has no files of it'}`,
    )
  return { path, run: { folder, identifier } }
}
