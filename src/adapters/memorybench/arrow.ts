import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { RecordBatch, Vector } from 'apache-arrow'
import { InputError, messageOf } from '../../errors.js'
import type { Row } from '../rows.js'
import { checkMetadata } from './arrow-metadata.js'

/** Begins a file of the IPC file format: a stream follows, and an index of it that nobody needs who reads it all. */
const MAGIC = 'ARROW1\0\0'

/**
 * Rows of an Arrow file, an IPC stream as Python's `datasets` writes it or an IPC file, of which one record batch is in
 * memory at a time. Nobody pays for `apache-arrow` until the first one is read.
 *
 * @param wanted columns that rows are to have; others are never decoded
 * @returns text as strings, integers as numbers, beyond ±(2^53 − 1) as the text of their digits
 * @throws InputError naming the file if it cannot be read, or naming a wanted column that is no text, number or boolean
 */
export function* readArrow(file: string, wanted: (column: string) => boolean): Generator<Row> {
  let count = 0
  for (const batch of batches(file)) {
    const columns = reading(file, () =>
      batch.schema.fields.flatMap(({ name }, i) => (wanted(name) ? [{ name, cells: batch.getChildAt(i) }] : [])),
    )
    for (let i = 0; i < batch.numRows; i++) {
      const where = `${file}, row ${++count}`
      const cells = columns.map(({ name, cells }) => [name, cell(cells, i, `${where}, column ${name}`)])
      yield { value: Object.fromEntries(cells), where }
    }
  }
}

function reading<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new InputError(`reading ${file}: no Arrow file, or a damaged one: ${messageOf(cause)}`, { cause })
  }
}

function* batches(file: string): Generator<RecordBatch> {
  const arrow = createRequire(import.meta.url)('apache-arrow') as typeof import('apache-arrow')
  const fd = openSync(file, 'r')
  try {
    const { size } = fstatSync(fd)
    const reader = reading(file, () =>
      arrow.RecordBatchReader.from(messages(fd, isIpcFile(fd) ? MAGIC.length : 0, size, arrow)).open(),
    )
    if (!reader.schema) throw new InputError(`reading ${file}: no Arrow file: it has no schema`)
    for (;;) {
      const next = reading(file, () => reader.next())
      if (next.done) return
      const batch: RecordBatch = next.value
      // A damaged number of rows must not keep anybody busy: a row of a text takes 4 bytes at least.
      if (!(batch.numRows <= size))
        throw new InputError(`reading ${file}: a batch of ${batch.numRows} rows in ${size} bytes`)
      yield batch
    }
  } finally {
    closeSync(fd)
  }
}

const isIpcFile = (fd: number): boolean => {
  const bytes = Buffer.alloc(MAGIC.length)
  readSync(fd, bytes, 0, bytes.length, 0)
  return bytes.toString('latin1') === MAGIC
}

/** The messages of a stream one by one, as they are in the file: length, metadata, body. */
function* messages(
  fd: number,
  start: number,
  size: number,
  arrow: typeof import('apache-arrow'),
): Generator<Uint8Array> {
  const read = (at: number, length: number): Uint8Array => {
    if (!(length >= 0 && at + length <= size))
      throw new RangeError(`it ends at ${size}, amid ${length} bytes from ${at}`)
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length; ) done += readSync(fd, bytes, done, length - done, at + done)
    return bytes
  }
  for (let at = start; at + 8 <= size; ) {
    const [mark, length] = new Int32Array(read(at, 8).buffer)
    // Before Arrow 0.15 nothing marked the length.
    const [prefix, metadata] = mark === -1 ? [8, length!] : [4, mark!]
    if (metadata === 0) return
    const header = read(at + prefix, metadata)
    checkMetadata(header)
    const { bodyLength } = arrow.Message.decode(header)
    if (!(bodyLength >= 0)) throw new RangeError(`a body of ${bodyLength} bytes`)
    const whole = prefix + metadata + bodyLength
    yield read(at, whole)
    at += whole
  }
}

function cell(cells: Vector | null, i: number, where: string): unknown {
  let value: unknown
  try {
    value = cells?.get(i) ?? null
  } catch (cause) {
    throw new InputError(`reading ${where}: the file is damaged: ${messageOf(cause)}`, { cause })
  }
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value === null || typeof value !== 'object') return value
  throw new InputError(`reading ${where}: it is of Arrow's type ${cells?.type}; it must be text, numbers or booleans`)
}
