import { closeSync, openSync, readSync } from 'node:fs'
import { InputError, messageOf } from '../errors.js'
import { parseJson } from '../json.js'
import type { Row } from './rows.js'

/** How much of the file is read at a time [bytes]. */
const BLOCK = 1 << 20
/** No item may be longer [bytes]. */
const MOST = 2 ** 28

const [QUOTE, COMMA, BACKSLASH] = [...Buffer.from('",\\')] as [number, number, number]
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [...Buffer.from('[]{}')] as [
  number,
  number,
  number,
  number,
]
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** An item of a file, and its bytes from `start` up to and without `end`. */
export interface Item extends Row {
  start: number
  end: number
}

/**
 * The items of a JSON file that is one array, one after the other. The file may be larger than the memory: one item and
 * one block of 1 MiB are held. Brackets and quotes are single bytes in UTF-8, so that items are cut as bytes.
 *
 * @throws InputError naming file and record if it cannot be read, is no array, ends within it, or an item is no JSON or
 * longer than 256 MiB
 */
export function* jsonItems(file: string): Generator<Item> {
  const failed = (what: string) => new InputError(`reading ${file}: ${what}`)
  let [depth, inText, escaped, ended, count] = [0, false, false, false, 0]
  /** The item's bytes in the blocks before this one. */
  let before: Uint8Array[] = []
  let start = 0
  let offset = 0
  for (const block of blocksOf(file)) {
    const item = (end: number): Item => {
      const bytes = Buffer.concat([...before, block.subarray(Math.max(0, start - offset), end - offset)])
      const where = `${file}, record ${++count}`
      return { value: parseJson(bytes, `reading ${where}`), where, start, end }
    }
    for (let i = 0; i < block.length; i++) {
      const byte = block[i]!
      if (inText) {
        if (escaped) escaped = false
        else if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) inText = false
      } else if (depth === 0) {
        if (isSpace(byte)) continue
        if (byte !== OPEN_ARRAY || ended)
          throw failed(`byte ${offset + i} is outside of an array; it must be one array`)
        depth = 1
        start = offset + i + 1
      } else if (byte === QUOTE) inText = true
      else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++
      else if (depth > 1) {
        if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--
      } else if (byte === COMMA || byte === CLOSE_ARRAY) {
        const end = offset + i
        const isEmpty =
          byte === CLOSE_ARRAY && count === 0 && before.length === 0 && onlySpace(block, start - offset, i)
        if (!isEmpty) yield item(end)
        before = []
        start = end + 1
        if (byte === CLOSE_ARRAY) [depth, ended] = [0, true]
      } else if (byte === CLOSE_OBJECT) throw failed(`byte ${offset + i} closes an object that was not opened`)
    }
    if (depth > 0) before.push(block.subarray(Math.max(0, start - offset)))
    offset += block.length
    if (depth > 0 && offset - start > MOST) throw failed(`record ${count + 1} is longer than ${MOST} bytes`)
  }
  if (!ended) throw failed(`it ends within its array, after ${count} records`)
}

/** Reads an item that `jsonItems` found again. @throws InputError if the file cannot be read, or is another by now */
export function jsonItemAt(file: string, { start, end, where }: Omit<Item, 'value'>): unknown {
  const bytes = reading(file, opened => {
    const buffer = Buffer.alloc(end - start)
    return buffer.subarray(0, readSync(opened, buffer, 0, buffer.length, start))
  })
  return parseJson(bytes, `reading ${where} again`)
}

function onlySpace(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (!isSpace(bytes[i]!)) return false
  return true
}

function* blocksOf(file: string): Generator<Uint8Array> {
  for (let offset = 0; ; ) {
    const block = reading(file, opened => {
      const buffer = Buffer.alloc(BLOCK)
      return buffer.subarray(0, readSync(opened, buffer, 0, BLOCK, offset))
    })
    if (block.length === 0) return
    yield block
    offset += block.length
  }
}

/** The file is open no longer than it takes: whoever stops in the middle leaves nothing behind. */
function reading<T>(file: string, read: (opened: number) => T): T {
  try {
    const opened = openSync(file, 'r')
    try {
      return read(opened)
    } finally {
      closeSync(opened)
    }
  } catch (cause) {
    throw new InputError(`reading ${file}: ${messageOf(cause)}`, { cause })
  }
}
