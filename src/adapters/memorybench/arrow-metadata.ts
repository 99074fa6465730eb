/**
 * What a table of a flatbuffer holds beyond single values, by the number of its slot: a vector of items of that many
 * bytes, tables of a shape (one, or a vector of them), or for a union the shapes by the type in the slot before it.
 */
type Shape = {
  readonly [slot: number]: { vector: number } | { tables: () => Shape } | { table: Shape } | { union: readonly Shape[] }
}

// Arrow's Message.fbs and Schema.fbs, of which only what has a length of its own is written down.
const KEY_VALUE: Shape = {}
const FIELD: Shape = { 5: { tables: () => FIELD }, 6: { tables: () => KEY_VALUE } }
const SCHEMA: Shape = { 1: { tables: () => FIELD }, 2: { tables: () => KEY_VALUE }, 3: { vector: 8 } }
const RECORD_BATCH: Shape = { 1: { vector: 16 }, 2: { vector: 16 }, 4: { vector: 8 } }
const DICTIONARY_BATCH: Shape = { 1: { table: RECORD_BATCH } }
const MESSAGE: Shape = {
  2: { union: [{}, SCHEMA, DICTIONARY_BATCH, RECORD_BATCH] },
  4: { tables: () => KEY_VALUE },
}

/** Within each other, at most: schemas of data sets have fields in fields in fields, and no more. */
const DEPTH = 64

/**
 * Checks that the lengths in an Arrow message's metadata fit into its bytes. `apache-arrow` does not look: of a damaged
 * number of columns it makes as many, up to 2^31 of nothing.
 *
 * @param bytes the metadata, a flatbuffer whose root is a Message
 * @throws RangeError if a length, a place or a nesting does not fit
 */
export function checkMetadata(bytes: Uint8Array): void {
  // A DataView refuses to read past its end by itself.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // No two tables of a file share bytes, and each takes four at least: more visits than that go in circles.
  let visits = bytes.byteLength / 4
  const follow = (at: number): number => at + view.getUint32(at, true)
  const vector = (at: number, itemBytes: number): [first: number, length: number] => {
    const start = follow(at)
    const length = view.getUint32(start, true)
    if (start + 4 + length * itemBytes > bytes.byteLength)
      throw new RangeError(`${length} items of ${itemBytes} bytes in a header of ${bytes.byteLength}`)
    return [start + 4, length]
  }
  const table = (at: number, shape: Shape, depth: number): void => {
    if (--visits < 0 || depth > DEPTH) throw new RangeError('a header whose parts contain each other')
    const slots = at - view.getInt32(at, true)
    const slot = (k: number): number => {
      const offset = 4 + 2 * k < view.getUint16(slots, true) ? view.getUint16(slots + 4 + 2 * k, true) : 0
      return offset && at + offset
    }
    for (const [k, part] of Object.entries(shape)) {
      const place = slot(Number(k))
      if (!place) continue
      if ('vector' in part) vector(place, part.vector)
      else if ('table' in part) table(follow(place), part.table, depth + 1)
      else if ('union' in part) {
        const type = slot(Number(k) - 1)
        table(follow(place), (type && part.union[view.getUint8(type)]) || {}, depth + 1)
      } else {
        const [first, length] = vector(place, 4)
        for (let i = 0; i < length; i++) table(follow(first + 4 * i), part.tables(), depth + 1)
      }
    }
  }
  table(follow(0), MESSAGE, 0)
}
