import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { InputError, messageOf } from '../errors.js'
import { parseJson } from '../json.js'

/** One row of a file, and where it was found, for errors. */
export interface Row {
  value: unknown
  where: string
}

/**
 * Rows of a JSON file (an array) or a JSON Lines file.
 *
 * @throws InputError naming file and line if it cannot be read
 */
export function readRows(file: string): Row[] {
  return parseRows(bytesOf(file), file)
}

/** A JSON file, whatever it holds. @throws InputError naming the file if it cannot be read or is no JSON */
export const readJson = (file: string): unknown => parseJson(bytesOf(file), `reading ${file}`)

function bytesOf(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new InputError(`reading ${file}: ${messageOf(cause)}`, { cause })
  }
}

/** The rows in a file's bytes; its name says which of the two kinds it is. */
export function parseRows(bytes: Uint8Array, file: string): Row[] {
  if (file.endsWith('.jsonl'))
    return decodeText(bytes, file)
      .split('\n')
      .flatMap((line, i) => {
        const where = `${file}, line ${i + 1}`
        return line.trim() === '' ? [] : [{ value: parseJson(line, `reading ${where}`), where }]
      })
  if (!file.endsWith('.json')) throw new InputError(`reading ${file}: the name must end in .json or .jsonl`)
  const rows = parseJson(bytes, `reading ${file}`)
  if (!Array.isArray(rows))
    throw new InputError(`reading ${file}: found ${typeof rows}; it must hold an array of records`)
  return rows.map((value, i) => ({ value, where: `${file}, record ${i + 1}` }))
}

function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new InputError(`reading ${file}: no UTF-8: ${messageOf(cause)}`, { cause })
  }
}

/**
 * `value` as the schema has it.
 *
 * @param where for the message: file, row
 * @throws InputError saying where, and which fields are wrong
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const { data, error } = schema.safeParse(value)
  if (error) throw new InputError(`${where}: ${z.prettifyError(error)}`)
  return data as T
}
