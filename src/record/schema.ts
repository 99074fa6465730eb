import {
  DummyDriver,
  type Generated,
  Kysely,
  type Selectable,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { sha256 } from '../lora/sha256.js'

/**
 * The tables of `run.db`. Free text (names, identifiers, bodies) is kept as JSON text: SQLite cuts a text at NUL, and
 * has no lone surrogates; JSON escapes both. What is not named by its hash has one beside it: see {@link sealed}.
 */
export interface Schema {
  /** One row: how the run began. `info` is a RunInfo. */
  run: { id: number; info: string; hash: string }
  sessions: { id: Generated<number>; body: string; hash: string }
  /** `begun_after`: how many steps the run had. */
  branches: {
    id: Generated<number>
    name: string
    parent: number | null
    at: number
    skip_updates: string
    begun_after: number
    hash: string
  }
  /** Long texts, once each. `hash` is `textHash(text)`; `body` its JSON form. */
  texts: { hash: string; body: string }
  /** Text of a callable and of the files it comes from, by the hash that steps name. */
  callables: { hash: string; source: string; code: string }
  /**
   * `body` is the step without runId and branch, long texts by hash. `hash` covers the row and the hash of the step
   * before (see {@link chained}), so that no step can be altered or left out unseen. `example` is the hash of what the
   * source gave.
   */
  steps: {
    id: Generated<number>
    branch: number
    idx: number
    session: number
    example: string
    body: string
    hash: string
  }
  /**
   * `branch` and `idx` name the step that it first came up in. `body` is an AdapterRecord without identifier.
   * `removed` is when and why its files were given up.
   */
  adapters: {
    id: Generated<number>
    identifier: string
    branch: number
    idx: number
    body: string
    removed: string | null
    hash: string
  }
  probings: { branch: number; at: number; body: string; hash: string }
  /** `body` is a RunEvent without its time. The same thing noted again, by a process that went on, is one event. */
  events: { id: Generated<number>; time: string; body: string; hash: string }
}

/** A row as it is read. */
export type Row<Table extends keyof Schema> = Selectable<Schema[Table]>

export type StepRow = Selectable<Schema['steps']>

/** Statements that bring a database from one version to the next; the version is SQLite's `user_version`. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE run (id INTEGER PRIMARY KEY CHECK (id = 1), info TEXT NOT NULL, hash TEXT NOT NULL);
   CREATE TABLE sessions (id INTEGER PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL);
   CREATE TABLE branches (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, parent INTEGER REFERENCES branches, at INTEGER NOT NULL,
     skip_updates TEXT NOT NULL, begun_after INTEGER NOT NULL, hash TEXT NOT NULL);
   CREATE TABLE texts (hash TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE callables (hash TEXT PRIMARY KEY, source TEXT NOT NULL, code TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE steps (
     id INTEGER PRIMARY KEY, branch INTEGER NOT NULL REFERENCES branches, idx INTEGER NOT NULL,
     session INTEGER NOT NULL REFERENCES sessions, example TEXT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL,
     UNIQUE (branch, idx));
   CREATE TABLE adapters (
     id INTEGER PRIMARY KEY, identifier TEXT NOT NULL UNIQUE, branch INTEGER NOT NULL REFERENCES branches,
     idx INTEGER NOT NULL, body TEXT NOT NULL, removed TEXT, hash TEXT NOT NULL);
   CREATE TABLE probings (
     branch INTEGER NOT NULL REFERENCES branches, at INTEGER NOT NULL, body TEXT NOT NULL,
     hash TEXT NOT NULL, PRIMARY KEY (branch, at)) WITHOUT ROWID;
   CREATE TABLE events (id INTEGER PRIMARY KEY, time TEXT NOT NULL, body TEXT NOT NULL UNIQUE, hash TEXT NOT NULL);`,
]

/** Builds and compiles statements, typed by the schema; a Database runs them. */
export const query = new Kysely<Schema>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: db => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
})

/** A row with the hash of what is in it, so that one that was altered can be told. `id` is no part of it. */
export const sealed = <Row extends object>(row: Row): Row & { hash: string } => ({ ...row, hash: sealOf(row) })

/** The hash that a row must have. */
export const sealOf = ({ id: _, hash: __, ...row }: { id?: unknown; hash?: unknown }): string =>
  sha256([JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))])

/** The hash that a step's row must have: of the row, the name of its branch, and the step before it. */
export const chained = (
  before: string | undefined,
  branch: string,
  { session, example, body }: Pick<Schema['steps'], 'session' | 'example' | 'body'>,
): string => sha256([JSON.stringify([before ?? null, branch, session, example, body])])
