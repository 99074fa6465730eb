import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Libsql from 'libsql'
import { z } from 'zod'
import { InputError } from '../errors.js'

/** Held open by the writer. The system frees the lock of a process that died, however it died. */
const LOCK = 'run.lock'
/** Who the writer is: for people only, it locks nothing. */
const WRITER = 'run.writer.json'

const Writer = z.object({ pid: z.int().positive(), host: z.string().max(300), since: z.string().max(50) })
export type Writer = z.infer<typeof Writer>

/**
 * Makes this process the one writer of a run.
 *
 * @returns what ends it
 * @throws InputError naming the process that writes it already
 */
export function lockForWriting(folder: string): () => void {
  const db = acquire(folder, 'EXCLUSIVE', 1_000)
  if (!db) {
    const { pid, host, since } = writerIn(folder) ?? {}
    const who = pid === process.pid ? 'this process' : pid ? `process ${pid} on ${host}` : 'another process'
    throw new InputError(
      `opening ${folder} for writing: ${who} writes it${since ? ` since ${since}` : ''}; one process may write a run at a time, others may read it`,
    )
  }
  const writer: Writer = { pid: process.pid, host: hostname(), since: new Date().toISOString() }
  writeFileSync(join(folder, WRITER), JSON.stringify(writer))
  return () => {
    rmSync(join(folder, WRITER), { force: true })
    db.exec('ROLLBACK')
    db.close()
  }
}

/** Who writes a run now; null if nobody does. */
export function writerOf(folder: string): Writer | 'unknown' | null {
  if (!existsSync(join(folder, LOCK))) return null
  const db = acquire(folder, 'DEFERRED', 0)
  if (!db) return writerIn(folder) ?? 'unknown'
  db.exec('ROLLBACK')
  db.close()
  return null
}

/** A connection that holds the lock, alone (EXCLUSIVE) or with others that only look; undefined: somebody has it alone. */
function acquire(folder: string, how: 'EXCLUSIVE' | 'DEFERRED', patience: number): Libsql.Database | undefined {
  const url = pathToFileURL(join(folder, LOCK))
  if (how === 'DEFERRED') url.searchParams.set('mode', 'ro')
  const db = new Libsql(url.href, { timeout: patience })
  try {
    db.exec(`BEGIN ${how}; SELECT * FROM sqlite_schema`)
    return db
  } catch (cause) {
    db.close()
    if ((cause as { code?: string }).code !== 'SQLITE_BUSY') throw cause
    return undefined
  }
}

function writerIn(folder: string): Writer | undefined {
  try {
    return Writer.parse(JSON.parse(readFileSync(join(folder, WRITER), 'utf8')))
  } catch {
    return undefined
  }
}
