import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InputError, messageOf, StorageError } from '../errors.js'
import { replaceDurably } from './durable.js'

/** A file in an adapter's folder that is no part of the adapter: its identity does not cover it. Undefined: no such file. */
export function readBeside(folder: string, name: string): Uint8Array | undefined {
  try {
    return readFileSync(join(folder, name))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new InputError(`reading ${join(folder, name)}: ${messageOf(cause)}`, { cause })
  }
}

/**
 * Writes such a file, whole or not at all; one that is there is replaced.
 *
 * @throws StorageError if it cannot be written (disk full, no permission)
 */
export function writeBeside(folder: string, name: string, bytes: Uint8Array): void {
  try {
    replaceDurably(join(folder, name), bytes)
  } catch (cause) {
    throw new StorageError(`saving ${join(folder, name)}: ${messageOf(cause)}`, { cause })
  }
}
