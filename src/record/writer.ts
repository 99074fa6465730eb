import { join } from 'node:path'
import { InputError } from '../errors.js'
import { MAIN } from '../harness/history.js'
import type { StepContext } from '../harness/recorder.js'
import type { LoRAHandle } from '../lora/handle.js'
import type { Branch, Json, Probing, RunEvent, Step } from '../protocol/index.js'
import { type KeptAdapter, keepAdapter, type StoredAdapter } from './adapters.js'
import { exampleHash, refusal, surroundingChanges, swapBefore } from './changes.js'
import type { Database } from './database.js'
import { modelFiles } from './models.js'
import { callableSources, type RunWriter } from './record.js'
import type { RunInfo, Session } from './run-info.js'
import { chained, query, sealed } from './schema.js'
import { ADAPTERS, SqliteRecord } from './sqlite.js'
import { textHash, withoutTexts } from './texts.js'

/** The last step of a branch: what the next one is chained to, and compared with. */
interface Tip {
  hash: string
  callables: Step['callables']
}

/** A run in a SQLite file, being written by this process alone. */
export class SqliteWriter extends SqliteRecord implements RunWriter {
  readonly #session: Session
  readonly #release: () => void
  readonly #kept = new Map<string, KeptAdapter>()
  readonly #tips = new Map<string, Tip | undefined>()
  /** The session whose doing is gone on with: the last one that recorded a step, if there is any, else the last one. */
  readonly before: Session | undefined
  #begun = false
  #allowsChanges = false

  /**
   * @param session of this process; it gets its number here
   * @param release gives back the writer's lock
   */
  constructor(db: Database, folder: string, session: Omit<Session, 'id'>, release: () => void) {
    super(db, folder)
    this.#release = release
    this.before = this.#lastSession()
    this.#session = db.transaction(() => {
      this.#endSessions()
      db.run(query.insertInto('sessions').values(sealed({ body: JSON.stringify(session) })))
      const { id } = db.first(query.selectFrom('sessions').select('id').orderBy('id', 'desc').limit(1))!
      return { id, ...session }
    })
  }

  /** Makes the first rows of a new run. */
  static begin(db: Database, info: RunInfo): void {
    const main = { name: JSON.stringify(MAIN.name), parent: null, at: 0, skip_updates: '[]', begun_after: 0 }
    db.transaction(() => {
      db.run(query.insertInto('run').values(sealed({ id: 1, info: JSON.stringify(info) })))
      db.run(query.insertInto('branches').values(sealed(main)))
    })
  }

  keep(lora: LoRAHandle): void {
    this.#kept.set(lora.identifier, keepAdapter(lora, join(this.folder, ADAPTERS)))
  }

  async record(step: Step, context: StepContext): Promise<void> {
    if (!this.#begun) await this.#begin(step)
    const { retrievedLora, updatedLora } = context
    // One that came from outside the run has no files here yet.
    const named = [retrievedLora, updatedLora].filter(lora => lora !== null)
    for (const lora of named) if (!this.#kept.has(lora.identifier) && !this.#knows(lora.identifier)) this.keep(lora)
    const tip = this.db.transaction(() => this.#write(step, context))
    this.#tips.set(step.branch, tip)
    for (const { identifier } of named) this.#kept.delete(identifier)
  }

  /** With the first step it is known which models are used. */
  async #begin({ branch, index, startedAt }: Step): Promise<void> {
    this.#session.models = await modelFiles()
    const changes = this.before ? surroundingChanges(this.before, this.#session) : []
    const unseen = changes.filter(change => !this.#session.changes.includes(change))
    if (unseen.length > 0 && !this.#allowsChanges) throw new InputError(refusal(this.folder, unseen))
    this.#session.changes.push(...unseen)
    this.#saveSession()
    if (unseen.length > 0) this.note({ type: 'changes', branch, index, time: startedAt, changes: unseen })
    this.#begun = true
  }

  #write(step: Step, { branch, example, retrievedLora, updatedLora, sources }: StepContext): Tip {
    const { runId: _r, branch: _b, ...rest } = step
    const id = this.#branch(branch)
    const before = this.#tip(branch.name, step.index)
    const body = JSON.stringify(withoutTexts(rest as unknown as Json, (hash, text) => this.#keepText(hash, text)))
    const row = { session: this.#session.id, example: exampleHash(example), body }
    const hash = chained(before?.hash, branch.name, row)
    this.db.run(query.insertInto('steps').values({ ...row, branch: id, idx: step.index, hash }))
    for (const lora of [retrievedLora, updatedLora])
      if (lora) this.#adapter(lora, lora === updatedLora ? (retrievedLora?.identifier ?? null) : null, id, step.index)
    for (const [name, callable] of Object.entries(step.callables))
      this.#callable(callable, sources[name as keyof typeof sources], sources.code)
    const swap = before && swapBefore(step, before.callables, hashes => callableSources(this, hashes))
    if (swap) this.note(swap)
    return { hash, callables: step.callables }
  }

  begin(branch: Branch): void {
    this.requireState(branch.parent!, branch.at)
    this.db.transaction(() => this.#branch(branch))
  }

  probe(probing: Probing): void {
    const branch = this.branchId(probing.branch)
    this.db.run(query.insertInto('probings').values(sealed({ branch, at: probing.at, body: JSON.stringify(probing) })))
  }

  note(event: RunEvent): void {
    const { time, ...body } = event
    const values = { time, body: JSON.stringify(body) }
    this.db.run(
      query
        .insertInto('events')
        .values(sealed(values))
        .onConflict(conflict => conflict.doNothing()),
    )
  }

  end(status: Exclude<RunInfo['status'], 'running'>, error: string | null = null): void {
    Object.assign(this.#session, { status, error, endedAt: new Date().toISOString() })
    this.#saveSession()
  }

  /** Goes on in spite of these changes, and of those in models that are not loaded yet; the session says so. */
  allow(changes: readonly string[]): void {
    this.#allowsChanges = true
    this.#session.changes.push(...changes)
    this.#saveSession()
  }

  override close(): void {
    try {
      if (this.#session.status === 'running') this.end('interrupted')
      this.db.checkpoint()
    } finally {
      this.db.close()
      this.#release()
    }
  }

  /** Hash and callables of the step before `index`, on the branch or where it left its parent. */
  #tip(branch: string, index: number): Tip | undefined {
    if (index === 0) return undefined
    if (!this.#tips.has(branch)) this.#tips.set(branch, this.#readTip(branch, index - 1))
    return this.#tips.get(branch)
  }

  #readTip(branch: string, index: number): Tip {
    const { hash, body } = this.rowOf(branch, index)
    return { hash, callables: (JSON.parse(body) as Step).callables }
  }

  #knows(identifier: string): boolean {
    const known = this.adapter(identifier)
    return known !== undefined && known.removed === null
  }

  #adapter(lora: LoRAHandle, parent: string | null, branch: number, index: number): void {
    const identifier = JSON.stringify(lora.identifier)
    const kept = this.#kept.get(lora.identifier)
    if (!kept) return
    const { identifier: _, norms, ...rest } = kept
    const stored: StoredAdapter = {
      ...rest,
      parent,
      norms: norms && {
        modules: Object.keys(norms).join('\n'),
        values: Object.values(norms).map(norm => Number(norm.toPrecision(6))),
      },
    }
    const known = this.db.first(query.selectFrom('adapters').selectAll().where('identifier', '=', identifier))
    if (known) {
      const { removed, hash } = sealed({ ...known, removed: null })
      // Else it was made again after its files were removed.
      if (hash !== known.hash)
        this.db.run(query.updateTable('adapters').set({ removed, hash }).where('id', '=', known.id))
      return
    }
    const body = JSON.stringify(withoutTexts(stored as unknown as Json, (hash, text) => this.#keepText(hash, text)))
    const row = { identifier, branch, idx: index, body, removed: null }
    this.db.run(query.insertInto('adapters').values(sealed(row)))
  }

  #branch(branch: Branch): number {
    const { name, parent, at, skipUpdates } = branch
    const known = this.db.first(query.selectFrom('branches').select('id').where('name', '=', JSON.stringify(name)))
    if (known) return known.id
    const last = this.db.first(query.selectFrom('steps').select('id').orderBy('id', 'desc').limit(1))
    const values = {
      name: JSON.stringify(name),
      parent: parent === null ? null : this.branchId(parent),
      at,
      skip_updates: JSON.stringify(skipUpdates),
      begun_after: last?.id ?? 0,
    }
    this.db.run(query.insertInto('branches').values(sealed(values)))
    return this.branchId(name)
  }

  #callable(hash: string, source: string, code: string): void {
    if (this.db.first(query.selectFrom('callables').select('hash').where('hash', '=', hash))) return
    const keep = (text: string) => {
      this.#keepText(textHash(text), text)
      return textHash(text)
    }
    this.db.run(query.insertInto('callables').values({ hash, source: keep(source), code: keep(code) }))
  }

  #keepText(hash: string, text: string): void {
    this.db.run(
      query
        .insertInto('texts')
        .values({ hash, body: JSON.stringify(text) })
        .onConflict(conflict => conflict.doNothing()),
    )
  }

  #lastSession(): Session | undefined {
    const step = this.db.first(query.selectFrom('steps').select('session').orderBy('id', 'desc').limit(1))
    const { sessions } = this
    return sessions.find(({ id }) => id === step?.session) ?? sessions.at(-1)
  }

  #saveSession(): void {
    const { id, ...body } = this.#session
    this.db.run(
      query
        .updateTable('sessions')
        .set(sealed({ body: JSON.stringify(body) }))
        .where('id', '=', id),
    )
  }

  /** A session that is said to run, although this process has the lock, has died. */
  #endSessions(): void {
    for (const { id, ...body } of this.sessions)
      if (body.status === 'running')
        this.db.run(
          query
            .updateTable('sessions')
            .set(sealed({ body: JSON.stringify({ ...body, status: 'died' }) }))
            .where('id', '=', id),
        )
  }
}
