import { readFileSync } from 'node:fs'
import { InputError, messageOf } from '../errors.js'

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
  const text = read(file)
  if (file.endsWith('.jsonl'))
    return text.split('\n').flatMap((line, i) => {
      const where = `${file}, line ${i + 1}`
      return line.trim() === '' ? [] : [{ value: parse(line, where), where }]
    })
  if (!file.endsWith('.json')) throw new InputError(`reading ${file}: the name must end in .json or .jsonl`)
  const rows = parse(text, file)
  if (!Array.isArray(rows))
    throw new InputError(`reading ${file}: found ${typeof rows}; it must hold an array of records`)
  return rows.map((value, i) => ({ value, where: `${file}, record ${i + 1}` }))
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new InputError(`reading ${file}: ${messageOf(cause)}`, { cause })
  }
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new InputError(`reading ${where}: ${messageOf(cause)}`, { cause })
  }
}
