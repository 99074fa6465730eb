import { type FSWatcher, readFileSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { InputError, messageOf } from '../errors.js'
import type { LoRAHarness } from '../harness/index.js'
import { plain, shown } from './text.js'
import { TYPE_ERROR } from './ts-loader.js'

/** Files that an experiment can be made of. */
const SOURCE = /\.([cm]?[jt]s|json)$/
/** Editors write a file in several goes; this long after the last one it is read [ms]. */
const SETTLED = 100
/** Type errors that are shown; the others are counted. */
const SHOWN = 5

export interface Watched {
  harness: LoRAHarness
  /** Text of every file that the harness was made from, by absolute path. */
  texts: ReadonlyMap<string, string>
  /** Makes a harness anew from the files as they are; fills the map with their texts, also where it throws. */
  load(texts: Map<string, string>): Promise<LoRAHarness>
  /** Shows a line that stays. */
  note(text: string): void
}

/**
 * Swaps the callables of a harness whenever a file that they come from is saved with another text: between two
 * examples, all at once. Position, store, results and loaded models stay. What does not load is said, and the old
 * callables stay.
 *
 * Folders are watched, not files: many editors save a file by putting another in its place.
 *
 * @returns ends it
 */
export function watchExperiment({ harness, texts, load, note }: Watched): () => void {
  let inForce = texts
  /** Texts of the newest attempt. */
  let known = texts
  let problem = ''
  let newest = 0
  let started = -1
  let timer: NodeJS.Timeout | undefined
  const folders = new Map<string, FSWatcher>()
  const unlisten = harness.onEvent(({ type, index }) => {
    if (type === 'stage') started = Number(index)
  })

  const saved = (name: string | null) => {
    if (name !== null && !SOURCE.test(name)) return
    clearTimeout(timer)
    timer = setTimeout(attempt, SETTLED)
  }
  const look = () => {
    for (const folder of new Set([...known.keys()].map(file => dirname(file)))) {
      if (folders.has(folder)) continue
      const watcher = watch(folder, { persistent: false }, (_, name) => saved(name))
      watcher.on('error', error => note(`No longer watching ${shown(folder)}: ${messageOf(error)}`))
      folders.set(folder, watcher)
      saved(null) // It may have been saved before it was watched.
    }
  }

  async function attempt(): Promise<void> {
    // After a failure any file may be what was missing.
    if (problem === '' && [...known].every(([file, text]) => textOf(file) === text)) return
    const mine = ++newest
    const before = known
    known = new Map([...before.keys()].map(file => [file, textOf(file)]))
    const read = new Map<string, string>()
    let fresh: LoRAHarness | undefined
    let found = ''
    try {
      fresh = await load(read)
    } catch (error) {
      found = problemText(error, [...read.keys(), ...before.keys()])
    }
    if (mine !== newest) return // Saved again meanwhile.
    known = fresh ? read : new Map([...known, ...read])
    look()
    if (fresh) swap(fresh, read)
    else if (found !== problem) note(`Saved, but the callables stay as they are: ${found}`)
    problem = found
  }

  function swap(fresh: LoRAHarness, read: ReadonlyMap<string, string>): void {
    if (fresh.code === harness.code) {
      if (problem !== '') note('Loads again, and is as it was: nothing to swap.')
      return
    }
    const names = changed(harness, fresh)
    const files = [...new Set([...inForce.keys(), ...read.keys()])].filter(f => inForce.get(f) !== read.get(f))
    const { retrieveLoraFn, inferenceFn, finetuneFn, baselines, code } = fresh
    Object.assign(harness, { retrieveLoraFn, inferenceFn, finetuneFn, baselines, code })
    inForce = read
    // An example that has begun goes on with the callables that it began with.
    const { length } = harness.results
    const from = started === length ? length + 1 : length
    const what = names.length > 0 ? `new ${names.join(', ')}` : "no callable's own text is new"
    note(`From #${from} on: ${what} (${files.map(shown).join(', ')} changed).`)
  }

  look()
  return () => {
    newest++
    clearTimeout(timer)
    unlisten()
    for (const watcher of folders.values()) watcher.close()
  }
}

/** Names of the callables whose own text is another. */
function changed(old: LoRAHarness, fresh: LoRAHarness): string[] {
  const names = (['retrieveLoraFn', 'inferenceFn', 'finetuneFn'] as const).filter(
    name => String(old[name]) !== String(fresh[name]),
  )
  const baselines = Object.keys({ ...old.baselines, ...fresh.baselines }).filter(
    name => String(old.baselines[name]) !== String(fresh.baselines[name]),
  )
  return [...names, ...baselines.map(name => `baseline ${plain(name, 24)}`)]
}

/** What is wrong, shortly, with its place. @param files that may be the place */
function problemText(error: unknown, files: readonly string[]): string {
  const cause = (error as { cause?: { code?: string; places?: string[] } }).cause
  if (cause?.code === TYPE_ERROR) {
    const places = cause.places ?? []
    const rest = places.length > SHOWN ? [`… and ${places.length - SHOWN} more`] : []
    return ['type errors', ...places.slice(0, SHOWN), ...rest].map(line => plain(line, 300)).join('\n  ')
  }
  const thrown = error instanceof InputError ? (error.cause ?? error) : error
  const lines = thrown instanceof Error ? (thrown.stack ?? '').split('\n') : []
  const place = lines.find(line => /:\d+/.test(line) && files.some(file => line.includes(basename(file))))
  return [plain(messageOf(error), 300), ...(place ? [plain(place.replace('file://', ''), 300)] : [])].join('\n  ')
}

/** Text of a file; '' if it cannot be read. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
