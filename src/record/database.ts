import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { CompiledQuery } from 'kysely'
import Libsql from 'libsql'
import { HarnessError, InputError, messageOf, StorageError } from '../errors.js'
import { MIGRATIONS } from './schema.js'

type Query<Row> = { compile(): CompiledQuery<Row> }

/** Milliseconds that a statement waits for another process's lock. */
const PATIENCE = 5_000

/** A SQLite file. Every call is synchronous: what `run` has returned from is on the disk. */
export class Database {
  readonly #db: Libsql.Database
  readonly #path: string
  readonly #prepared = new Map<string, Libsql.Statement>()

  private constructor(path: string, db: Libsql.Database) {
    this.#path = path
    this.#db = db
  }

  /**
   * Opens a file for writing, makes it if it is not there, and brings it to today's version.
   *
   * @param migrations today's are MIGRATIONS
   * @throws InputError if a newer version made it, HarnessError if it cannot be opened or brought up to date
   */
  static write(path: string, migrations: readonly string[] = MIGRATIONS): Database {
    return Database.#open(path, path, db => {
      db.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
      db.#migrate(migrations)
    })
  }

  /**
   * Opens a file to read it, while another process may write it.
   *
   * @throws InputError if there is no such file, or it is of another version
   */
  static read(path: string): Database {
    if (!existsSync(path)) throw new InputError(`opening ${path}: there is no such file`)
    return Database.#open(path, readOnly(path), db => {
      db.#db.exec('PRAGMA query_only = ON')
      db.tables()
      if (db.version !== MIGRATIONS.length) throw db.#otherVersion(MIGRATIONS.length)
    })
  }

  /**
   * Opens a file that may be damaged, to read what can be read of it: one that is shorter than it says, or of another
   * version, as well.
   *
   * @throws HarnessError if it is no SQLite file
   */
  static salvage(path: string): Database {
    return Database.#open(path, readOnly(path), db => {
      // With the second, SQLite does not refuse a file as a whole because of what it says of itself.
      db.#db.exec('PRAGMA query_only = ON; PRAGMA writable_schema = ON')
      db.tables()
    })
  }

  static #open(path: string, address: string, ready: (db: Database) => void): Database {
    let db: Database | undefined
    try {
      db = new Database(path, new Libsql(address, { timeout: PATIENCE }))
      ready(db)
      return db
    } catch (cause) {
      db?.close()
      if (cause instanceof InputError || cause instanceof StorageError) throw cause
      throw new HarnessError(`opening ${path}: ${messageOf(cause)}`, { cause })
    }
  }

  /** Version of its tables: how many migrations it has been through. */
  get version(): number {
    return (this.#db.pragma('user_version') as { user_version: number }[])[0]!.user_version
  }

  /** Size, with what the log holds [bytes]. */
  get bytes(): number {
    const [[{ page_count }], [{ page_size }]] = ['page_count', 'page_size'].map(name => this.#db.pragma(name)) as [
      [{ page_count: number }],
      [{ page_size: number }],
    ]
    return page_count * page_size
  }

  #migrate(migrations: readonly string[]): void {
    if (this.version > migrations.length) throw this.#otherVersion(migrations.length)
    migrations.slice(this.version).forEach(statements => {
      const next = this.version + 1
      this.transaction(() => this.#db.exec(`${statements}; PRAGMA user_version = ${next}`))
    })
  }

  #otherVersion(known: number): InputError {
    const { version } = this
    const what =
      version > known
        ? `a newer lora-harness wrote it (version ${version} of the tables; this one knows ${known}); use that one`
        : `it has version ${version} of the tables, this is version ${known}; whatever writes it (such as resume) brings it up to date`
    return new InputError(`opening ${this.#path}: ${what}`)
  }

  /** @throws HarnessError if what it asks for is damaged */
  all<Row>(query: Query<Row>): Row[] {
    const { sql, parameters } = query.compile()
    try {
      return this.#reading(sql)
        .all(...parameters)
        .map(row => mapValues(row as object, asText)) as Row[]
    } catch (cause) {
      throw new HarnessError(`reading ${this.#path}: ${messageOf(cause)}`, { cause })
    }
  }

  /** The first row. */
  first<Row>(query: Query<Row>): Row | undefined {
    return this.all(query)[0]
  }

  /** @throws StorageError if it cannot be written */
  run(query: Query<unknown>): void {
    const { sql, parameters } = query.compile()
    this.#writing(() => this.#statement(sql).run(...parameters))
  }

  /** All that `work` writes, or nothing if it throws. @throws StorageError if it cannot be written */
  transaction<T>(work: () => T): T {
    return this.#writing(() => {
      this.#db.exec('BEGIN')
      try {
        const done = work()
        this.#db.exec('COMMIT')
        return done
      } catch (cause) {
        // SQLite itself may have rolled back.
        if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
        throw cause
      }
    })
  }

  #writing<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      if (!(cause instanceof Libsql.SqliteError)) throw cause
      const what = cause.code === 'SQLITE_FULL' ? 'the disk is full; make room' : `${cause.message}; mend that`
      throw new StorageError(
        `writing ${this.#path}: ${what} and go on with the run: what was recorded before is all there`,
        { cause },
      )
    }
  }

  /**
   * The statements that made its tables.
   *
   * @throws HarnessError if they are no UTF-8: the driver would end the process when it comes to a name in them
   */
  tables(): string[] {
    try {
      const rows = this.#db
        .prepare('SELECT CAST(name AS BLOB) AS name, CAST(sql AS BLOB) AS sql FROM sqlite_schema')
        .all()
      return rows.map(row => JSON.stringify(mapValues(row as object, asText)))
    } catch (cause) {
      throw new HarnessError(`the description of its tables is damaged: ${messageOf(cause)}`, { cause })
    }
  }

  /** What SQLite itself finds wrong with the file, one line each. */
  problems(): string[] {
    const rows = this.#reading('SELECT integrity_check AS line FROM pragma_integrity_check(20)').all() as object[]
    return rows.map(row => String(mapValues(row, asText).line)).filter(line => line !== 'ok')
  }

  /** Writes a copy of the state as it is now into a new file, whoever writes meanwhile. */
  copyTo(path: string): void {
    const [before] = this.#db.pragma('query_only') as [{ query_only: number }]
    this.#db.pragma('query_only = OFF') // It would forbid to write the copy too.
    try {
      this.#db.prepare('VACUUM INTO ?').run(path)
    } finally {
      this.#db.pragma(`query_only = ${before.query_only}`)
    }
  }

  /** Puts everything into the one file, so that it can be copied alone. */
  checkpoint(): void {
    this.#db.pragma('wal_checkpoint(TRUNCATE)')
  }

  /** The pages that the file may have at most: how tests fill the disk. */
  limitPages(pages: number): void {
    this.#db.pragma(`max_page_count = ${pages}`)
  }

  close(): void {
    // The driver holds the files until the last statement is garbage; SQLite then removes its log and the index of it.
    this.#prepared.clear()
    this.#db.close()
  }

  #statement(sql: string, prepare = () => this.#db.prepare(sql)): Libsql.Statement {
    const known = this.#prepared.get(sql)
    if (known) return known
    const statement = prepare()
    this.#prepared.set(sql, statement)
    return statement
  }

  /** Texts as bytes: given one that is no UTF-8, as a damaged file may have it, the driver would end the process. */
  #reading(sql: string): Libsql.Statement {
    return this.#statement(sql, () => {
      const columns = this.#db.prepare(sql).columns()
      const safe = columns.map(
        ({ name }) => `CASE typeof("${name}") WHEN 'text' THEN CAST("${name}" AS BLOB) ELSE "${name}" END AS "${name}"`,
      )
      return this.#db.prepare(`SELECT ${safe.join(', ')} FROM (${sql})`)
    })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const asText = (value: unknown): unknown => (value instanceof ArrayBuffer ? utf8.decode(value) : value)
const mapValues = (row: object, map: (value: unknown) => unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, map(value)]))

/**
 * Lets the system take back the files of databases that were closed: the driver holds them until the statements made for
 * them are collected as garbage. For whoever opens many one after the other.
 */
export async function releaseFiles(): Promise<void> {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  await setImmediate()
}

/** The address of a file that is to be read. */
function readOnly(path: string): string {
  const url = pathToFileURL(path)
  // SQLite needs to write beside a file that may change; in a folder where nobody can write, none does.
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
  if (log === 0 && !mayWrite(dirname(path))) url.searchParams.set('immutable', '1')
  else url.searchParams.set('mode', 'ro')
  return url.href
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
