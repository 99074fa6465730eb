import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { InputError } from '../../errors.js'
import type { Step } from '../../protocol/index.js'
import { Database } from '../database.js'
import { lineOf } from '../line.js'
import type { RunInfo } from '../run-info.js'
import { query, sealOf } from '../schema.js'
import { ADAPTERS, RUN_DB } from '../sqlite.js'
import { withTexts } from '../texts.js'
import { examineAdapters, readAdapters } from './adapters.js'
import { type Damage, Groups, ranges, type Verification } from './report.js'
import { attempt, type Found, probingsOf, rowsOf, textOf } from './rows.js'
import { examineSteps, type KnownBranch } from './steps.js'

/**
 * Checks everything that a run has against its hashes: the file itself, every row, the chain of steps, long texts,
 * callables, the files of adapters. What is damaged is named; the rest is read all the same.
 *
 * @throws InputError if there is no run in the folder
 */
export function verifyRun(folder: string): Verification {
  const path = databaseOf(folder)
  const opened = existsSync(path) ? attempt(() => Database.salvage(path)) : { why: 'it is missing' }
  const damage: Damage[] = []
  if (!opened.value) {
    const means = 'nothing of the record can be read; adapters that are named by their content can'
    damage.push({ what: RUN_DB, found: opened.why!, means })
    const files = examineAdapters(join(folder, ADAPTERS), [], String, false)
    return { folder: resolve(folder), branches: [], ...files, damage: [...damage, ...files.damage] }
  }
  const db = opened.value
  try {
    const { steps, branches, careful, nameOf, ...found } = examine(db, path)
    damage.push(...found.damage, ...runDamage(folder, db), ...otherDamage(db, branches, careful))
    const { known, damage: rows } = readAdapters(db, careful)
    const files = examineAdapters(join(folder, ADAPTERS), known, nameOf, rows.length === 0)
    // Of the last steps of a branch nothing but this says that they were there.
    const ends = new Groups<string, number>()
    for (const { branch, index } of known)
      if (branches.has(branch) && !steps.get(branch)?.has(index)) ends.add(nameOf(branch), index)
    for (const [branch, indices] of ends)
      damage.push({
        what: `step ${ranges(indices)} of branch ${branch}`,
        found: 'it is lost: an adapter came up in it',
        means: 'the other steps can be trusted, each by its own hash',
      })
    return {
      folder: resolve(folder),
      damage: [...damage, ...rows, ...files.damage],
      notes: files.notes,
      branches: [...branches.values()].map(({ id, name, at }) => ({ name, ...counted(steps.get(id), at) })),
      adapters: files.adapters,
    }
  } finally {
    db.close()
  }
}

/** What is damaged in a run's record, but for the files of adapters. */
export function recordDamage(folder: string): Damage[] {
  const path = databaseOf(folder)
  const db = Database.salvage(path)
  try {
    const { damage, careful } = examine(db, path)
    return [...damage, ...readAdapters(db, careful).damage]
  } finally {
    db.close()
  }
}

/**
 * The steps of a branch that can be read and are as they were recorded, of a run that may be damaged. A long text that
 * is lost is replaced by words that say so.
 *
 * @param name the branch with the most steps of its own by default
 * @returns with how many steps before the last of these are lost
 * @throws InputError if there is no run in the folder, or no such branch can be read
 */
export function readableSteps(folder: string, name?: string): { branch: string; steps: Step[]; lost: number } {
  const path = databaseOf(folder)
  const db = Database.salvage(path)
  try {
    const { steps, branches } = examine(db, path)
    const known = [...branches.values()]
    const size = ({ id }: KnownBranch) => steps.get(id)?.size ?? 0
    const largest = known.toSorted((a, b) => size(b) - size(a))[0]
    if (!largest) throw new InputError(`reading run ${folder}: none of its branches can be read`)
    const tree = known.map(b => ({ ...b, parent: branches.get(b.parent ?? 0)?.name ?? null, skipUpdates: [] }))
    const runId = (attempt(() => infoOf(db)).value ?? runJson(folder).value)?.runId ?? ''
    const textFor = (hash: string) => textOf(db, hash).value ?? `(text ${hash} is lost)`
    const branch = name ?? largest.name
    const read = lineOf({ branches: tree }, branch).flatMap(({ name: of, end }) =>
      [...(steps.get(known.find(b => b.name === of)!.id) ?? [])]
        .filter(([index, { why }]) => index < end && why === undefined)
        .sort(([a], [b]) => a - b)
        .map(([, { id }]): Step => {
          const { body } = db.first(query.selectFrom('steps').select('body').where('id', '=', id))!
          const { v, ...rest } = withTexts(JSON.parse(body), textFor) as unknown as Omit<Step, 'runId' | 'branch'>
          return { v, runId, branch: of, ...rest }
        }),
    )
    return { branch, steps: read, lost: (read.at(-1)?.index ?? -1) + 1 - read.length }
  } finally {
    db.close()
  }
}

/** Path of a run's database, which may be missing. @throws InputError if there is no sign of a run */
function databaseOf(folder: string): string {
  const path = join(resolve(folder), RUN_DB)
  if (existsSync(path) || existsSync(join(folder, 'run.json'))) return path
  throw new InputError(
    `reading run ${folder}: ${existsSync(folder) ? `it has no ${RUN_DB}` : 'there is no such folder'}`,
  )
}

/** Branches and steps. */
function examine(db: Database, path: string) {
  const damage: Damage[] = []
  // Opened as everybody else opens it.
  const checked = attempt(() => {
    const plain = Database.read(path)
    try {
      const altered = plain.tables().join() !== tablesOfToday()
      return [...plain.problems(), ...(altered ? ['the description of its tables is not as it was written'] : [])]
    } finally {
      plain.close()
    }
  })
  for (const found of checked.value ?? [checked.why!])
    damage.push({
      what: RUN_DB,
      found,
      means: 'what cannot be read is named below; the rest can be trusted, by its hashes',
    })
  const careful = damage.length > 0
  const branches = new Map<number, KnownBranch>()
  const means = 'neither its steps nor those of branches that left it can be checked'
  for (const row of sealedRows(rowsOf(db, 'branches', careful), at => `branch number ${at}`, means, damage)) {
    const { id, parent, at } = row
    branches.set(id, { id, name: JSON.parse(row.name), parent, at })
    if (parent !== null && !branches.has(parent))
      damage.push({ what: `branch ${JSON.parse(row.name)}`, found: 'the branch that it left is lost', means })
  }
  const nameOf = (id: number) => branches.get(id)?.name ?? `number ${id}`
  const adapters = new Set<string>()
  for (const { row } of rowsOf(db, 'adapters', careful))
    if (row) adapters.add(attempt(() => JSON.parse(row.identifier) as string).value ?? '')
  const { steps, damage: lost } = examineSteps(db, branches, adapters, careful)
  return { branches, steps, nameOf, careful, damage: [...damage, ...lost] }
}

/** What `tables` must give. */
function tablesOfToday(): string {
  const db = Database.write(':memory:')
  try {
    return db.tables().join()
  } finally {
    db.close()
  }
}

/** How the run began, in `run.db` and in `run.json`. */
function runDamage(folder: string, db: Database): Damage[] {
  const row = attempt(() => infoOf(db))
  const file = runJson(folder)
  const other = file.why ?? (file.value?.runId === row.value?.runId ? undefined : 'it is of another run')
  return [
    ...(row.value ? [] : [{ what: `how the run began, in ${RUN_DB}`, found: row.why!, means: 'run.json says it too' }]),
    ...(row.value && other !== undefined
      ? [{ what: 'run.json', found: other, means: `${RUN_DB} says how the run began` }]
      : []),
  ]
}

const runJson = (folder: string) =>
  attempt(() => JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as Partial<RunInfo> | null)

function infoOf(db: Database): RunInfo {
  const row = db.first(query.selectFrom('run').selectAll())
  if (!row) throw new InputError('there is no row')
  if (sealOf(row) !== row.hash) throw new InputError(ALTERED)
  return JSON.parse(row.info)
}

/** Sessions, probings and events. */
function otherDamage(db: Database, branches: ReadonlyMap<number, KnownBranch>, careful: boolean): Damage[] {
  const damage: Damage[] = []
  const all = [
    sealedRows(rowsOf(db, 'sessions', careful), at => `session ${at}`, 'who wrote then is not known', damage),
    ...[...branches.values()].map(({ id, name }) => {
      const nameAt = (at: number) => `what probes scored before example ${at} of branch ${name}`
      return sealedRows(probingsOf(db, id, careful), nameAt, 'these scores cannot be trusted', damage)
    }),
    sealedRows(rowsOf(db, 'events', careful), at => `event ${at}`, 'what happened then is not known', damage),
  ]
  for (const rows of all) for (const _ of rows); // To their end.
  return damage
}

const ALTERED = 'its row does not have the hash that it was recorded with'

/** Rows that have the hash that they were recorded with; the others become damage. */
function* sealedRows<R extends { hash: string }>(
  rows: Iterable<Found<R>>,
  nameOf: (at: number) => string,
  means: string,
  damage: Damage[],
): Generator<R> {
  for (const { at, row, why } of rows)
    if (row && sealOf(row) === row.hash) yield row
    else damage.push({ what: nameOf(at), found: why ?? ALTERED, means })
}

/** How many steps of its own a branch must have had, and how many are as they were recorded. */
function counted(steps: ReadonlyMap<number, { why?: string }> = new Map(), at: number) {
  const sound = [...steps].filter(([, { why }]) => why === undefined).map(([index]) => index)
  const last = sound.reduce((a, b) => Math.max(a, b), at - 1)
  // An altered row may have any index.
  const all = [...steps.keys()].filter(index => index <= last + steps.size)
  return { steps: all.reduce((a, b) => Math.max(a, b), at - 1) + 1 - at, sound: sound.length }
}
