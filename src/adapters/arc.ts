import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { InputError, messageOf } from '../errors.js'
import type { ExampleContext } from '../harness/example.js'
import type { Message } from '../protocol/index.js'
import { checked, readJson } from './rows.js'

/** Rows of colours from 0 to 9; 1 × 1 to 30 × 30. */
export type Grid = readonly (readonly number[])[]

export interface ArcPair {
  input: Grid
  output: Grid
}

export interface ArcTask {
  id: string
  train: readonly ArcPair[]
  test: readonly ArcPair[]
}

const LARGEST = 30
const Colours = z.array(z.number().int().min(0).max(9)).min(1).max(LARGEST)
const GridRows = z
  .array(Colours)
  .min(1)
  .max(LARGEST)
  .refine(rows => rows.every(row => row.length === rows[0]!.length), 'its rows differ in length')
const Pairs = z.array(z.object({ input: GridRows, output: GridRows })).min(1)
const Task = z.object({ train: Pairs, test: Pairs })

/**
 * Tasks of the Abstraction and Reasoning Corpus (fchollet/ARC-AGI, arcprize/ARC-AGI-2): a file `{ train, test }`, or a
 * folder of such files, in the order of their names, each named after its file.
 *
 * @throws InputError naming file and field if a task is malformed or a test pair has no output
 */
export function readArc(path: string): ArcTask[] {
  return filesOf(path).map(file => ({ id: basename(file, '.json'), ...checked(Task, readJson(file), file) }))
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    const files = readdirSync(path).filter(name => name.endsWith('.json'))
    if (files.length > 0) return files.sort().map(name => join(path, name))
  } catch (cause) {
    throw new InputError(`reading ${path}: ${messageOf(cause)}`, { cause })
  }
  throw new InputError(`reading ${path}: no .json file in it; it must be a folder of ARC tasks, or one of them`)
}

/** A grid as text: a line for each row, a digit for each cell, spaces between. */
export const gridText = (grid: Grid): string => grid.map(row => row.join(' ')).join('\n')

/** How much of a response is looked at [characters]. */
const READ = 100_000
/** A line of a grid: up to 30 digits with spaces, commas or nothing between. */
const LINE = /^[\s|]*\d(?:[\s,|]*\d){0,29}[\s,|]*$/

/**
 * The grids in a text, in their order: as `gridText` writes them, as JSON, with or without separators, whatever stands
 * around them. What looks like a grid but has rows of different lengths, or more than 30, is null: an attempt that failed.
 */
export function parseGrids(text: string): (Grid | null)[] {
  const rows = linesIn(text).map(line =>
    line.length <= 8 * LARGEST && LINE.test(line) ? [...line.matchAll(/\d/g)].map(Number) : null,
  )
  const grids: (Grid | null)[] = []
  let current: number[][] = []
  for (const row of [...rows, null]) {
    if (row) current.push(row)
    else if (current.length > 0) {
      grids.push(GridRows.safeParse(current).data ?? null)
      current = []
    }
  }
  return grids
}

/** Lines, with every row of JSON on one. No run of white space is longer than two once trimmed: all this is linear. */
function linesIn(text: string): string[] {
  const trimmed = text
    .slice(0, READ)
    .split('\n')
    .map(line => line.trim().replace(/\s+/g, ' '))
  return trimmed
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/\[([\d\s,]+)\]/g, (_, cells: string) => `[${cells.replace(/\s/g, '')}]`)
    .replace(/(\d,?)\]\s*,?\s*\[(?=\d)/g, '$1\n') // From a row to the next of the same grid.
    .replace(/[[\]]/g, '\n')
    .split('\n')
}

const same = (a: Grid | null | undefined, b: Grid): boolean => !!a && gridText(a) === gridText(b)

/**
 * Are all cells right, of the first grid of a response (`pass1`), or of one of the first two (`pass2`)? ARC allows two
 * attempts: a second answer follows the first, with an empty line between.
 */
export function scoreArc(output: Grid, response: string): { pass1: boolean; pass2: boolean } {
  const [first, second] = parseGrids(response)
  const pass1 = same(first, output)
  return { pass1, pass2: pass1 || same(second, output) }
}

/** What is asked: the pairs that are known, then an input. */
export function arcPrompt(known: readonly ArcPair[], input: Grid): Message[] {
  const shown = known.map(pair => `Input:\n${gridText(pair.input)}\nOutput:\n${gridText(pair.output)}`)
  return [
    { role: 'system', content: 'Find the rule that makes outputs of inputs. Answer with the last output only.' },
    { role: 'user', content: [...shown, `Input:\n${gridText(input)}\nOutput:`].join('\n\n') },
  ]
}

/** Something to learn, for `model.finetune`. */
export interface ArcItem {
  messages: Message[]
  target: string
}

/**
 * What a task teaches without its test: each training pair in turn is asked for, with the others as what is known.
 * Test-time training learns from these before the test input is answered (Akyürek et al., "The Surprising
 * Effectiveness of Test-Time Training for Abstract Reasoning", 2024). A task with one training pair gives none.
 */
export function leaveOneOut({ train }: Pick<ArcTask, 'train'>): ArcItem[] {
  if (train.length < 2) return []
  return train.map(({ input, output }, left) => ({
    messages: arcPrompt(
      train.filter((_, i) => i !== left),
      input,
    ),
    target: gridText(output),
  }))
}

const transposed = (grid: Grid): Grid => grid[0]!.map((_, x) => grid.map(row => row[x]!))
const mirrored = (grid: Grid): Grid => grid.map(row => row.toReversed())
const turned = (grid: Grid): Grid => mirrored(transposed(grid))

/** The task in its eight turns and mirror images, itself first: more to learn from, `symmetries(task).flatMap(leaveOneOut)`. */
export function symmetries(task: ArcTask): ArcTask[] {
  const change =
    (how: (grid: Grid) => Grid) =>
    (of: ArcTask): ArcTask => {
      const pairs = (all: readonly ArcPair[]) => all.map(pair => ({ input: how(pair.input), output: how(pair.output) }))
      return { ...of, train: pairs(of.train), test: pairs(of.test) }
    }
  const turns = [task]
  for (let i = 1; i < 4; i++) turns.push(change(turned)(turns.at(-1)!))
  return [...turns, ...turns.map(change(mirrored))]
}

/**
 * An example for each test input; a chat is a task. To train at test time, learn in `retrieveLoraFn`, which sees only what
 * the prompt shows anyway:
 *
 *     const tasks = readArc('data/training')
 *     const items = new Map(tasks.map(task => [task.id, leaveOneOut(task)]))
 *     new LoRAHarness({
 *       exampleSource: arcExamples(tasks),
 *       retrieveLoraFn: async ({ chatId }) => {
 *         const lora = await model.finetune(null, items.get(chatId!)!)
 *         return lora instanceof LoRAHandle ? lora : null
 *       }, …
 */
export function arcExamples(from: string | readonly ArcTask[]): ExampleContext[] {
  const tasks = typeof from === 'string' ? readArc(from) : from
  return tasks.flatMap(({ id, train, test }) =>
    test.map(
      ({ input, output }, i): ExampleContext => ({
        datasetName: 'arc',
        testIdx: `${id}:${i}`,
        messages: arcPrompt(train, input),
        lang: 'en',
        userPrompt: gridText(input),
        target: gridText(output),
        info: { output },
        metadata: {},
        chatId: id,
        evaluate: response => scoreArc(output, response),
      }),
    ),
  )
}
