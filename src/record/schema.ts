import { DummyDriver, type Generated, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'

/**
 * The tables of `run.db`. Free text (names, identifiers, bodies) is kept as JSON text: SQLite cuts a text at NUL, and
 * has no lone surrogates; JSON escapes both.
 */
export interface Schema {
  /** One row: how the run began. `info` is a RunInfo. */
  run: { id: number; info: string }
  sessions: { id: Generated<number>; body: string }
  /** `begun_after`: how many steps the run had. */
  branches: {
    id: Generated<number>
    name: string
    parent: number | null
    at: number
    skip_updates: string
    begun_after: number
  }
  /** Long texts, once each. `hash` is `textHash(text)`; `body` its JSON form. */
  texts: { hash: string; body: string }
  /** Text of a callable and of the files it comes from, by the hash that steps name. */
  callables: { hash: string; source: string; code: string }
  /**
   * `body` is the step without runId and branch, long texts by hash. `hash` covers it and the hash of the step before,
   * so that no step can be altered or left out unseen. `example` is the hash of what the source gave.
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
  }
  probings: { branch: number; at: number; body: string }
  /** `body` is a RunEvent without its time. The same thing noted again, by a process that went on, is one event. */
  events: { id: Generated<number>; time: string; body: string }
}

/** Statements that bring a database from one version to the next; the version is SQLite's `user_version`. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE run (id INTEGER PRIMARY KEY CHECK (id = 1), info TEXT NOT NULL);
   CREATE TABLE sessions (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
   CREATE TABLE branches (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, parent INTEGER REFERENCES branches, at INTEGER NOT NULL,
     skip_updates TEXT NOT NULL, begun_after INTEGER NOT NULL);
   CREATE TABLE texts (hash TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE callables (hash TEXT PRIMARY KEY, source TEXT NOT NULL, code TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE steps (
     id INTEGER PRIMARY KEY, branch INTEGER NOT NULL REFERENCES branches, idx INTEGER NOT NULL,
     session INTEGER NOT NULL REFERENCES sessions, example TEXT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL,
     UNIQUE (branch, idx));
   CREATE TABLE adapters (
     id INTEGER PRIMARY KEY, identifier TEXT NOT NULL UNIQUE, branch INTEGER NOT NULL REFERENCES branches,
     idx INTEGER NOT NULL, body TEXT NOT NULL, removed TEXT);
   CREATE TABLE probings (
     branch INTEGER NOT NULL REFERENCES branches, at INTEGER NOT NULL, body TEXT NOT NULL,
     PRIMARY KEY (branch, at)) WITHOUT ROWID;
   CREATE TABLE events (id INTEGER PRIMARY KEY, time TEXT NOT NULL, body TEXT NOT NULL UNIQUE);`,
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
