import { type FileHandle, open, readFile } from 'node:fs/promises'
import pLimit from 'p-limit'
import { HarnessError, messageOf } from '../errors.js'
import type { Recorder } from '../harness/recorder.js'
import type { Step } from '../protocol/index.js'

/** Steps as JSON Lines: the text of `steps.jsonl`. */
export const stepsJsonl = (steps: readonly Step[]): string => steps.map(step => `${JSON.stringify(step)}\n`).join('')

const NEWLINE = 0x0a

/**
 * Appends each step to a file as one line of JSON, and returns only when the disk has it.
 *
 * A last line without its newline is what a crash or a full disk left of a step that was never reported as recorded;
 * it is cut off before the next step is written.
 */
export function jsonlRecorder(path: string): Recorder {
  const one = pLimit(1) // Forks of a run may share a recorder.
  return { record: step => one(() => append(path, `${JSON.stringify(step)}\n`)) }
}

async function append(path: string, line: string): Promise<void> {
  const file = await open(path, 'a+')
  try {
    await cutTornLine(file)
    await file.appendFile(line)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function cutTornLine(file: FileHandle): Promise<void> {
  const { size } = await file.stat()
  if (size === 0) return
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  if (buffer[0] === NEWLINE) return
  const { buffer: all } = await file.read(Buffer.alloc(size), 0, size, 0)
  await file.truncate(all.lastIndexOf(NEWLINE) + 1)
}

/** The steps of a steps.jsonl, and the text after the last newline, if any: a step that was cut off while written. */
export interface ReadSteps {
  steps: Step[]
  torn: string | null
}

/**
 * Reads what `jsonlRecorder` wrote. A torn last line is reported, not fatal.
 *
 * @throws HarnessError with file and line number if another line is not a step of version 1
 */
export async function readSteps(path: string): Promise<ReadSteps> {
  const lines = (await readFile(path, 'utf8')).split('\n')
  const torn = lines.pop() || null
  return { steps: lines.map((line, i) => parseStep(line, `${path}:${i + 1}`)), torn }
}

function parseStep(line: string, where: string): Step {
  let step: unknown
  try {
    step = JSON.parse(line)
  } catch (cause) {
    throw new HarnessError(`reading steps: ${where} is not JSON: ${messageOf(cause)}`, { cause })
  }
  const { v, index } = Object(step) as Partial<Step>
  if (v !== 1) throw new HarnessError(`reading steps: ${where} has v ${JSON.stringify(v)}; this version reads v 1`)
  if (typeof index !== 'number') throw new HarnessError(`reading steps: ${where} has no index; it is not a step`)
  return step as Step
}
