import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { HarnessError } from '../errors.js'
import { Database } from './database.js'
import { lockForWriting } from './lock.js'
import { requireRun } from './open.js'
import type { AdapterRecord, RunRecord } from './record.js'
import { query, sealed } from './schema.js'
import { ADAPTERS, isAdapterFolder, SqliteRecord } from './sqlite.js'
import { groupBy } from './stats.js'
import { recordDamage } from './verify/verify.js'

/**
 * Which adapters of a run stay.
 *
 * - `all`: every one that a step names, so that every state can be restored
 * - `heads`: those that the ends of all branches need (the last of each chat, and all that have an embedding, for any of
 *   these may be retrieved): the run can go on, but not back
 * - n: those too that the states before every n-th example of a branch need
 */
export type Keep = 'all' | 'heads' | number

/** A folder that no longer has to be there. */
export interface Removable {
  /** Its name under `adapters/`. */
  folder: string
  /** The adapters in it; none if no step names one. */
  identifiers: string[]
  /** Size of all its files [bytes]. */
  bytes: number
  why: string
}

/** What `collectGarbage` found. */
export interface Garbage {
  removable: Removable[]
  /** Adapters that stay, and their size [bytes]. */
  kept: { adapters: number; bytes: number }
}

/**
 * Finds the adapter folders of a run that need not stay, and removes them if asked to. What the record names is noted
 * there as removed before its files go: whatever ends the process in between, the next call finishes.
 *
 * @throws InputError if there is no run, or a process writes it
 * @throws HarnessError if the record is damaged: then it cannot be told what is needed
 */
export function collectGarbage(
  folder: string,
  { keep = 'all', remove = false }: { keep?: Keep; remove?: boolean } = {},
): Garbage {
  const path = resolve(folder)
  const file = requireRun(path)
  const release = lockForWriting(path)
  try {
    const [damage] = recordDamage(path)
    if (damage)
      throw new HarnessError(
        `looking for adapters of ${folder} that can go: its record is damaged (${damage.what}: ${damage.found}), so ` +
          'nothing is removed; lora-harness verify says more',
      )
    const db = remove ? Database.write(file) : Database.read(file)
    try {
      const found = garbage(new SqliteRecord(db, path), join(path, ADAPTERS), keep)
      if (remove) removeFolders(db, join(path, ADAPTERS), found.removable, `gc --keep ${keep}`)
      return found
    } finally {
      db.close()
    }
  } finally {
    release()
  }
}

function garbage(record: RunRecord, adapters: string, keep: Keep): Garbage {
  const needed = neededBy(record, keep)
  const byFolder = groupBy(
    record.adapters().filter(adapter => adapter.folder !== null && isAdapterFolder(adapter.folder)),
    adapter => adapter.folder!,
  )
  const found: Garbage = { removable: [], kept: { adapters: 0, bytes: 0 } }
  const entries = existsSync(adapters) ? readdirSync(adapters, { withFileTypes: true }) : []
  for (const entry of entries) {
    // What is not called as folders of a run are is somebody else's.
    if (!entry.isDirectory() || !(isAdapterFolder(entry.name) || entry.name.startsWith('.'))) continue
    const bytes = bytesIn(join(adapters, entry.name))
    const named = byFolder.get(entry.name) ?? []
    const why = whyRemovable(entry.name, named, needed, keep)
    if (why === undefined) {
      found.kept.adapters++
      found.kept.bytes += bytes
    } else
      found.removable.push({ folder: entry.name, identifiers: named.map(({ identifier }) => identifier), bytes, why })
  }
  return found
}

/** Why a folder need not stay; undefined if it must. */
function whyRemovable(
  name: string,
  named: readonly AdapterRecord[],
  needed: ReadonlySet<string>,
  keep: Keep,
): string | undefined {
  if (name.startsWith('.')) return 'left half made or half removed by a process that ended'
  if (named.length === 0) return 'no step names it: left by a process that ended'
  const there = named.filter(({ removed }) => removed === null)
  if (there.length === 0) return 'given up before, but its files are still there'
  if (there.some(({ identifier }) => needed.has(identifier))) return undefined
  const { branch, index } = there[0]!
  const states =
    keep === 'heads'
      ? 'the end of no branch needs it'
      : `neither the end of a branch nor a state kept (every ${keep}) needs it`
  return `from step ${index} of branch ${branch}; ${states}`
}

/** Identifiers of the adapters that stay. */
function neededBy(record: RunRecord, keep: Keep): Set<string> {
  const all = record.adapters()
  if (keep === 'all') return new Set(all.map(({ identifier }) => identifier))
  const needed = new Set(all.filter(({ embedding }) => embedding !== null).map(({ identifier }) => identifier))
  for (const { name } of record.branches) {
    const last = new Map<string | null, string>()
    const need = () => {
      for (const identifier of last.values()) needed.add(identifier)
    }
    for (const { index, chatId, lora } of record.timeline(name)) {
      if (keep !== 'heads' && index % keep === 0) need()
      if (lora !== null) last.set(chatId, lora)
    }
    need()
  }
  return needed
}

function removeFolders(db: Database, adapters: string, removable: readonly Removable[], why: string): void {
  const note = JSON.stringify({ time: new Date().toISOString(), why })
  db.transaction(() => {
    for (const identifier of removable.flatMap(({ identifiers }) => identifiers)) {
      const named = query.selectFrom('adapters').selectAll().where('identifier', '=', JSON.stringify(identifier))
      const row = db.first(named)!
      if (row.removed !== null) continue
      const { removed, hash } = sealed({ ...row, removed: note })
      db.run(query.updateTable('adapters').set({ removed, hash }).where('id', '=', row.id))
    }
  })
  for (const { folder } of removable) {
    // A folder has its name as long as it is whole.
    const leaving = join(adapters, folder.startsWith('.') ? folder : `.${process.pid}-${folder.slice(0, 8)}`)
    if (leaving !== join(adapters, folder)) renameSync(join(adapters, folder), leaving)
    rmSync(leaving, { recursive: true, force: true })
  }
}

/** Size of all files in a folder and those below [bytes]. Files that vanish meanwhile do not count. */
export function bytesIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  return files.reduce(
    (sum, { parentPath, name }) => sum + (statSync(join(parentPath, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
}
