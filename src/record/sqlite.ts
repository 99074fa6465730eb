import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { HarnessError, messageOf } from '../errors.js'
import { LoRAHandle } from '../lora/handle.js'
import type { Branch, Json, Probing, RunEvent, Step, TimelinePoint } from '../protocol/index.js'
import { adapterRecord } from './adapters.js'
import type { Database } from './database.js'
import { branchOf, lineOf, withParents } from './line.js'
import { type AdapterRecord, type CallableRecord, pointOf, type RunRecord } from './record.js'
import type { RunInfo, Session } from './run-info.js'
import { chained, query, type StepRow } from './schema.js'
import { textHash, withTexts } from './texts.js'

/** The files of a run within its folder. */
export const RUN_DB = 'run.db'
export const ADAPTERS = 'adapters'
/** Is it what a folder in there is called? */
export const isAdapterFolder = (name: string): boolean => /^[0-9a-f]{64}$/.test(name)

/** A run in a SQLite file. */
export class SqliteRecord implements RunRecord {
  /** Absolute path. */
  readonly folder: string
  protected readonly db: Database

  constructor(db: Database, folder: string) {
    this.db = db
    this.folder = folder
  }

  get info(): RunInfo {
    const row = this.db.first(query.selectFrom('run').select('info'))
    if (!row) throw new HarnessError(`reading ${join(this.folder, RUN_DB)}: it holds no run`)
    return JSON.parse(row.info)
  }

  /** Size of the database, with what its log holds [bytes]. */
  get bytes(): number {
    return this.db.bytes
  }

  get sessions(): Session[] {
    return this.db
      .all(query.selectFrom('sessions').selectAll().orderBy('id'))
      .map(({ id, body }) => ({ id, ...JSON.parse(body) }))
  }

  get branches(): Branch[] {
    const rows = this.db.all(query.selectFrom('branches').selectAll().orderBy('id'))
    const names = new Map(rows.map(row => [row.id, JSON.parse(row.name) as string]))
    return rows.map(({ id, parent, at, skip_updates }) => ({
      name: names.get(id)!,
      parent: parent === null ? null : names.get(parent)!,
      at,
      skipUpdates: JSON.parse(skip_updates),
    }))
  }

  get current(): string {
    const last = this.db.first(
      query
        .selectFrom('steps')
        .innerJoin('branches', 'branches.id', 'steps.branch')
        .select(['steps.id', 'name'])
        .orderBy('steps.id', 'desc')
        .limit(1),
    )
    const begun = this.db.first(
      query.selectFrom('branches').select(['name', 'begun_after']).orderBy('id', 'desc').limit(1),
    )
    const name = last && begun && begun.begun_after < last.id ? last.name : (begun ?? last)?.name
    return name === undefined ? 'main' : JSON.parse(name)
  }

  ownSteps(branch: string): Step[] {
    return [...this.#own(branch, this.#stepOf(branch))]
  }

  steps(branch = this.current): Step[] {
    return [...this.eachStep(branch)]
  }

  /** As `steps`, one after the other: a run of any length in little memory. */
  *eachStep(branch = this.current): Generator<Step> {
    for (const { name, end } of lineOf(this, branch)) yield* this.#own(name, this.#stepOf(name), end)
  }

  timeline(branch = this.current): TimelinePoint[] {
    const textOf = memo((hash: string) => this.#text(hash))
    const point = (body: string) =>
      withTexts(pointOf(JSON.parse(body)) as unknown as Json, textOf) as unknown as TimelinePoint
    return lineOf(this, branch).flatMap(({ name, end }) => [...this.#own(name, point, end)])
  }

  examples(branch: string): string[] {
    return this.db
      .all(query.selectFrom('steps').select('example').where('branch', '=', this.branchId(branch)).orderBy('idx'))
      .map(row => row.example)
  }

  adapters(): AdapterRecord[] {
    return this.#adapterRows()
  }

  adapter(identifier: string): AdapterRecord | undefined {
    return this.#adapterRows(identifier)[0]
  }

  lora(identifier: string): LoRAHandle {
    const found = this.adapter(identifier)
    if (!found) throw new HarnessError(`reading run ${this.folder}: it has no adapter ${identifier.slice(0, 12)}`)
    const { folder, embedding, metadata } = found
    return new LoRAHandle({
      identifier,
      metadata,
      ...(folder === null ? {} : { path: join(this.folder, ADAPTERS, folder) }),
      ...(embedding === null ? {} : { embedding }),
    })
  }

  callable(hash: string): CallableRecord | undefined {
    const row = this.db.first(query.selectFrom('callables').selectAll().where('hash', '=', hash))
    return row && { hash, source: this.#text(row.source), code: this.#text(row.code) }
  }

  probings(branch = this.current): Probing[] {
    const own = (name: string) =>
      this.db
        .all(query.selectFrom('probings').select('body').where('branch', '=', this.branchId(name)).orderBy('at'))
        .map(row => JSON.parse(row.body) as Probing)
    // The state before example `at` is still the parent's.
    return withParents(this, branch, own, probing => probing.at - 1)
  }

  events(): RunEvent[] {
    return this.db
      .all(query.selectFrom('events').select(['time', 'body']).orderBy('id'))
      .map(({ time, body }) => ({ ...JSON.parse(body), time }))
  }

  close(): void {
    this.db.close()
  }

  /**
   * Fails unless every adapter that the state before example `at` of a branch needs is there.
   *
   * @throws HarnessError naming an adapter and what became of it
   */
  requireState(branch: string, at: number): void {
    const needed = new Map<string | null, string>()
    for (const point of this.timeline(branch).slice(0, at)) if (point.lora) needed.set(point.chatId, point.lora)
    for (const identifier of new Set(needed.values())) {
      const { folder, removed } = this.adapter(identifier)!
      const path = folder === null ? undefined : join(this.folder, ADAPTERS, folder)
      if (path === undefined || existsSync(path)) continue
      throw new HarnessError(
        `going back to the state before example ${at} of branch ${branch}: its adapter ${identifier.slice(0, 12)} ` +
          (removed
            ? `was removed on ${removed.time.slice(0, 10)} (${removed.why})`
            : `is missing: there is no ${path}`),
      )
    }
  }

  /** Row of a branch's step, or of the one that it has from its parents. @throws HarnessError if it is missing */
  protected rowOf(name: string, index: number): StepRow {
    const { at, parent } = branchOf(this, name)
    if (index < at && parent !== null) return this.rowOf(parent, index)
    const steps = query.selectFrom('steps').selectAll().where('branch', '=', this.branchId(name))
    const row = this.db.first(steps.where('idx', '=', index))
    if (!row) throw new HarnessError(`step ${index} of branch ${name} is missing`)
    return row
  }

  protected branchId(name: string): number {
    const row = this.db.first(query.selectFrom('branches').select('id').where('name', '=', JSON.stringify(name)))
    if (!row) branchOf(this, name)
    return row!.id
  }

  #stepOf(branch: string): (body: string) => Step {
    const textOf = memo((hash: string) => this.#text(hash))
    const { runId } = this.info
    return body => {
      const { v, ...rest } = withTexts(JSON.parse(body), textOf) as unknown as Omit<Step, 'runId' | 'branch'>
      return { v, runId, branch, ...rest }
    }
  }

  /**
   * What `read` makes of the body of each of a branch's own steps before `end`.
   *
   * @throws HarnessError naming a step that is damaged, altered or missing
   */
  *#own<T>(branch: string, read: (body: string) => T, end = Number.POSITIVE_INFINITY): Generator<T> {
    const { at, parent } = branchOf(this, branch)
    let index = at
    try {
      let before = parent === null || at === 0 ? undefined : this.rowOf(parent, at - 1).hash
      for (const row of this.#rows(branch, index, end)) {
        if (row.idx !== index) throw new HarnessError('it is missing')
        if (row.hash !== chained(before, branch, row)) throw new HarnessError('it is not as it was recorded')
        yield read(row.body)
        before = row.hash
        index++
      }
    } catch (cause) {
      throw new HarnessError(
        `reading ${join(this.folder, RUN_DB)}: step ${index} of branch ${branch}: ${messageOf(cause)} ` +
          '(lora-harness verify says what is damaged, export --readable writes what can still be read)',
        { cause },
      )
    }
  }

  /** Rows of a branch's steps from one index to before another, by pages; by themselves where a page is damaged. */
  *#rows(branch: string, from: number, end: number): Generator<StepRow> {
    const own = query.selectFrom('steps').where('branch', '=', this.branchId(branch))
    const last = this.db.first(own.select(eb => eb.fn.max('idx').as('idx')))!.idx ?? -1
    const stop = Math.min(end, last + 1)
    let size = 256
    while (from < stop) {
      const to = Math.min(from + size, stop)
      const page = own.selectAll().where('idx', '>=', from).where('idx', '<', to).orderBy('idx')
      try {
        yield* this.db.all(page)
        from = to
      } catch (cause) {
        if (size === 1) throw cause
        size = 1
      }
    }
  }

  #text(hash: string): string {
    const row = this.db.first(query.selectFrom('texts').select('body').where('hash', '=', hash))
    if (!row) throw new HarnessError(`reading ${join(this.folder, RUN_DB)}: text ${hash.slice(0, 12)} is missing`)
    const text = JSON.parse(row.body)
    if (textHash(text) !== hash) throw new HarnessError(`text ${hash.slice(0, 12)} is not as it was recorded`)
    return text
  }

  #adapterRows(identifier?: string): AdapterRecord[] {
    const rows = query
      .selectFrom('adapters')
      .innerJoin('branches', 'branches.id', 'adapters.branch')
      .select(['identifier', 'branches.name', 'idx', 'body', 'removed'])
      .orderBy('adapters.id')
    const chosen = identifier === undefined ? rows : rows.where('identifier', '=', JSON.stringify(identifier))
    return this.db.all(chosen).map(row => adapterRecord(row, hash => this.#text(hash)))
  }
}

/** A function of a text that computes each answer once. */
function memo<T>(of: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return text => {
    if (!known.has(text)) known.set(text, of(text))
    return known.get(text)!
  }
}
