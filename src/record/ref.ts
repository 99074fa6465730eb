import { existsSync } from 'node:fs'
import { InputError } from '../errors.js'

/** A run, a branch of it, or the state after one of its examples. */
export interface RunRef {
  folder: string
  /** Undefined: the branch last worked on. */
  branch?: string
  /** Undefined: the end. */
  index?: number
}

/**
 * Reads `FOLDER[@BRANCH][#INDEX]`, as people write it on a command line: `runs/x`, `runs/x@branch-1`, `runs/x#17` (after
 * example 17), `runs/x@branch-1#17`. A folder whose own name has these characters is taken as it is.
 *
 * @throws InputError if INDEX is no whole number
 */
export function parseRef(text: string): RunRef {
  if (existsSync(text)) return { folder: text }
  const [, folder, branch, index] = /^(.+?)(?:@([^#]*))?(?:#(.*))?$/s.exec(text) ?? []
  if (folder === undefined) throw new InputError(`reading the reference ${JSON.stringify(text)}: it names no folder`)
  if (index !== undefined && !/^\d{1,15}$/.test(index))
    throw new InputError(`reading the reference ${text}: after # must be the number of an example, found ${index}`)
  return { folder, ...(branch ? { branch } : {}), ...(index === undefined ? {} : { index: Number(index) }) }
}
