import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/**
 * Where files are in memory, if the system has such a place: several times as fast where hundreds of runs wait for the
 * disk. No place for much; remove what is not needed any more.
 */
export const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A new folder that is removed when the tests of the file are done. */
export function temporaryFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, 'lora-harness-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  return folder
}
