import { HarnessError, messageOf } from '../../errors.js'
import type { Database } from '../database.js'
import { query, type Row } from '../schema.js'
import { textHash } from '../texts.js'

/** The row that has a number, or why it cannot be read. */
export type Found<R> = { at: number; row: R; why?: never } | { at: number; row?: never; why: string }

/** Rows that are asked for at once, as long as they can be read. */
const CHUNK = 256
/** After so many numbers that give no row, there is none left, where the file cannot say what the last one is. */
const PATIENCE = 200

/** A table whose rows are numbered from 1 without a gap. */
export type Numbered = 'sessions' | 'branches' | 'steps' | 'adapters' | 'events'

/**
 * Every row of a table that can be read, in order, and the numbers of those that cannot.
 *
 * @param careful ask for each row by itself: in a damaged file a range may end too soon
 */
export function* rowsOf<T extends Numbered>(db: Database, table: T, careful: boolean): Generator<Found<Row<T>>> {
  const rows = query.selectFrom(table as 'steps')
  const last = attempt(() => db.first(rows.select(eb => eb.fn.max('id').as('id')))?.id ?? 0)
  const read = (from: number, to: number) =>
    db.all(rows.selectAll().where('id', '>=', from).where('id', '<=', to).orderBy('id')) as unknown as Row<T>[]
  yield* numbered(read, row => (row as Row<Numbered>).id, 1, last.value, careful, true)
}

/** Every probing of a branch that can be read, by its `at`. */
export function* probingsOf(db: Database, branch: number, careful: boolean): Generator<Found<Row<'probings'>>> {
  const rows = query.selectFrom('probings').where('branch', '=', branch)
  const last = attempt(() => db.first(rows.select(eb => eb.fn.max('at').as('at')))?.at ?? -1)
  const read = (from: number, to: number) =>
    db.all(rows.selectAll().where('at', '>=', from).where('at', '<=', to).orderBy('at'))
  yield* numbered(read, row => row.at, 0, last.value, careful, false)
}

/**
 * @param last undefined: not known
 * @param dense every number has a row
 */
function* numbered<R>(
  read: (from: number, to: number) => R[],
  numberOf: (row: R) => number,
  first: number,
  last: number | undefined,
  careful: boolean,
  dense: boolean,
): Generator<Found<R>> {
  const unread: Found<R>[] = []
  const end = last ?? Number.POSITIVE_INFINITY
  for (let from = first; from <= end && unread.length < PATIENCE; from += CHUNK) {
    const to = Math.min(from + CHUNK - 1, end)
    const chunk = careful ? undefined : attempt(() => read(from, to)).value
    const rows = new Map(chunk?.map(row => [numberOf(row), row]))
    for (let at = from; at <= to; at++) {
      const one: Attempt<R | undefined> = chunk ? { value: rows.get(at) } : attempt(() => read(at, at)[0])
      if (one.value !== undefined) {
        // Only now is it known that those before it were to be there.
        yield* unread.splice(0)
        yield { at, row: one.value }
      } else if (one.why !== undefined || dense) unread.push({ at, why: one.why ?? 'it is missing' })
    }
  }
  if (last !== undefined) yield* unread
  // Where the end cannot be read, nothing is known of it but where it begins.
  else for (const { at, why } of unread.slice(0, 1)) yield { at, why: `${why}; how many came after it is not known` }
}

export type Attempt<T> = { value: T; why?: never } | { value?: never; why: string }

/** What some work gives, or why it fails. */
export function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { value: work() }
  } catch (error) {
    return { why: messageOf(error) }
  }
}

/** A long text, or why it cannot be trusted. */
export function textOf(db: Database, hash: string): Attempt<string> {
  return attempt(() => {
    const row = db.first(query.selectFrom('texts').select('body').where('hash', '=', hash))
    if (!row) throw new HarnessError('it is missing')
    const text: unknown = JSON.parse(row.body)
    if (typeof text !== 'string' || textHash(text) !== hash) throw new HarnessError('its content has another hash')
    return text
  })
}
