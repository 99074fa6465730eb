import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { InputError, messageOf, StorageError } from '../errors.js'
import { type Adapter, identify, modulesOf } from './adapter.js'
import type { TrainingNotes } from './card.js'
import { makeDurably, syncFolder, writeDurably } from './durable.js'
import { type BaseModel, decodePeft, encodePeft, PEFT_FILES } from './format.js'

/**
 * Reads an adapter in PEFT's format: a folder with `adapter_config.json` and `adapter_model.safetensors`.
 *
 * @throws InputError naming the file and what is wrong with it
 */
export function readPeft(folder: string): { adapter: Adapter; base: BaseModel } {
  const files = Object.entries(PEFT_FILES).map(([name, limit]) => {
    const path = join(folder, name)
    try {
      const { size } = statSync(path)
      if (size > limit) throw new Error(`${size} bytes; at most ${limit} are read`)
      return [name, readFileSync(path)] as const
    } catch (cause) {
      throw new InputError(`reading adapter ${path}: ${messageOf(cause)}`, { cause })
    }
  })
  return decodePeft(new Map(files), folder)
}

/**
 * Writes an adapter into `<parent>/<identifier>/` in PEFT's format: whole or not at all (temporary folder, fsync,
 * rename). An adapter that is there already is left alone, for its name says what is in it.
 *
 * @param training how it was trained, for its card
 * @returns identifier and absolute path of the folder
 * @throws StorageError if it cannot be written (disk full, no permission); nothing half made is left
 */
export function writePeft(
  adapter: Adapter,
  parent: string,
  base: BaseModel,
  training?: TrainingNotes,
): { identifier: string; path: string } {
  const identifier = identify(adapter)
  const path = resolve(parent, identifier)
  try {
    if (existsSync(path)) syncFolder(parent)
    else
      makeDurably(path, folder => {
        for (const [name, bytes] of encodePeft(adapter, base, training)) writeDurably(join(folder, name), bytes)
      })
  } catch (cause) {
    // Another process may have written the same adapter meanwhile.
    if (/ENOTEMPTY|EEXIST|EPERM/.test((cause as NodeJS.ErrnoException).code ?? '') && existsSync(path))
      return { identifier, path }
    throw new StorageError(
      `saving adapter ${identifier.slice(0, 12)} (${modulesOf(adapter).length} modules) in ${parent}: ${messageOf(cause)}`,
      { cause },
    )
  }
  return { identifier, path }
}
