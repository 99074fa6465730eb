import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { identify } from '../../lora/adapter.js'
import { readPeft } from '../../lora/peft.js'
import { sha256 } from '../../lora/sha256.js'
import type { Json } from '../../protocol/index.js'
import type { StoredAdapter } from '../adapters.js'
import type { Database } from '../database.js'
import { type Row, sealOf } from '../schema.js'
import { isAdapterFolder } from '../sqlite.js'
import { withTexts } from '../texts.js'
import { type Damage, short } from './report.js'
import { attempt, rowsOf, textOf } from './rows.js'

/** An adapter as its row has it. */
export interface KnownAdapter {
  identifier: string
  branch: number
  index: number
  stored: StoredAdapter
  removed: boolean
}

/** Every adapter whose row is as it was written, and what is wrong with the others. */
export function readAdapters(db: Database, careful: boolean): { known: KnownAdapter[]; damage: Damage[] } {
  const known: KnownAdapter[] = []
  const damage: Damage[] = []
  for (const { at, row, why } of rowsOf(db, 'adapters', careful)) {
    const read = row ? attempt(() => knownAdapter(db, row)) : { why }
    if (read.value) known.push(read.value)
    else
      damage.push({
        what: `what is known of adapter number ${at}`,
        found: read.why!,
        means: 'which files it must have is not known; a folder named by its content still says itself what it is',
      })
  }
  return { known, damage }
}

function knownAdapter(db: Database, row: Row<'adapters'>): KnownAdapter {
  if (sealOf(row) !== row.hash) throw new Error('its row does not have the hash that it was recorded with')
  const stored = withTexts(JSON.parse(row.body) as Json, hash => {
    const { value, why } = textOf(db, hash)
    if (value === undefined) throw new Error(`text ${short(hash)}: ${why}`)
    return value
  }) as unknown as StoredAdapter
  // Names that lead elsewhere are none that were recorded here.
  const names = Object.keys(stored.files)
  if (!isAdapterFolder(stored.folder ?? '0'.repeat(64)) || names.some(name => /[\\/]|^\.\.?$/.test(name)))
    throw new Error('it names files outside of its folder')
  return {
    identifier: JSON.parse(row.identifier),
    branch: row.branch,
    index: row.idx,
    stored,
    removed: row.removed !== null,
  }
}

/**
 * Checks the files of adapters against sizes and hashes in the record, and those that are named by their content
 * against it.
 *
 * @param folder the run's `adapters/`
 * @param nameOf name of a branch by its number
 * @param all whether `known` are all adapters of the run
 */
export function examineAdapters(
  folder: string,
  known: readonly KnownAdapter[],
  nameOf: (branch: number) => string,
  all: boolean,
) {
  const damage: Damage[] = []
  const notes: string[] = []
  const folders = new Set<string>()
  const sizes = { all: 0, sound: 0, bytes: 0 }
  for (const { identifier, branch, index, stored, removed } of known) {
    if (stored.folder === null) continue
    const name = stored.folder
    const path = join(folder, name)
    folders.add(name)
    if (removed) {
      if (existsSync(path)) notes.push(`adapters/${short(name)} was given up, but its files are there; gc removes them`)
      continue
    }
    const problems = fileProblems(path, stored.files)
    if (problems.length === 0 && name === identifier) problems.push(...contentProblem(path, identifier))
    sizes.all++
    sizes.bytes += stored.bytes
    if (problems.length === 0) sizes.sound++
    const means = `no state that needs it can be restored (it came up in step ${index} of branch ${nameOf(branch)}); steps and scores are not affected`
    for (const [file, found] of problems)
      damage.push({ what: `adapter ${short(identifier)}${file && `: ${file}`}`, found, means })
    const beside = filesIn(path).filter(file => !Object.hasOwn(stored.files, file))
    if (beside.length > 0)
      notes.push(`adapters/${short(name)} has files that the record does not know: ${beside.slice(0, 5).join(', ')}`)
  }
  for (const name of existsSync(folder) ? readdirSync(folder) : [])
    if (!folders.has(name)) notes.push(strange(join(folder, name), name, all))
  return { damage, notes, adapters: sizes }
}

/** What is wrong with an adapter's files: which, and how; '' is the folder. */
function fileProblems(path: string, files: StoredAdapter['files']): [file: string, found: string][] {
  if (!existsSync(path)) return [['', `there is no folder ${path}`]]
  return Object.entries(files).flatMap(([file, { bytes, sha256: recorded }]): [string, string][] => {
    const content = attempt(() => readFileSync(join(path, file)))
    if (!content.value) return [[file, content.why!]]
    if (content.value.length !== bytes) return [[file, `it has ${content.value.length} bytes, ${bytes} were recorded`]]
    const hash = sha256([content.value])
    return hash === recorded ? [] : [[file, `its hash is ${short(hash)}, ${short(recorded)} was recorded`]]
  })
}

function contentProblem(path: string, identifier: string): [file: string, found: string][] {
  const found = attempt(() => identify(readPeft(path).adapter))
  if (found.value === identifier) return []
  return [['', found.why ?? `by its content it is adapter ${short(found.value!)}`]]
}

/** What something under `adapters/` is that the record does not name. */
function strange(path: string, name: string, all: boolean): string {
  const { value: own } = attempt(() => identify(readPeft(path).adapter) === name)
  if (name.startsWith('.')) return `adapters/${short(name)} was left half made by a process that ended; gc removes it`
  if (all && isAdapterFolder(name)) return `adapters/${short(name)} is named by no step; gc removes it`
  if (own) return `adapters/${short(name)} is the adapter that its name says; what else was known of it is lost`
  return `adapters/${short(name)} is not known`
}

const filesIn = (path: string): string[] =>
  attempt(() => readdirSync(path).filter(name => !name.startsWith('.'))).value ?? []
