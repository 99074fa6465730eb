import { unzipSync } from 'fflate'

/** Largest file that is opened, and most entries in it. */
const MOST = { bytes: 2 ** 31, entries: 100_000 }

/** A zip file whose entries are read one by one, none of them larger than the caller allows. */
export class Zip {
  readonly #bytes: Uint8Array
  /** Sizes by name, as the file says. */
  readonly #sizes = new Map<string, number>()

  /** @throws Error if it is no zip file, or larger than a run can be */
  constructor(bytes: Uint8Array) {
    if (bytes.byteLength > MOST.bytes)
      throw new Error(`it has ${bytes.byteLength} bytes; at most ${MOST.bytes} are read`)
    this.#bytes = bytes
    unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (this.#sizes.size >= MOST.entries) throw new Error(`it has more than ${MOST.entries} entries`)
        this.#sizes.set(name, originalSize)
        return false
      },
    })
  }

  get names(): readonly string[] {
    return [...this.#sizes.keys()]
  }

  /**
   * @param most bytes: what says that it is larger is not unpacked, and nothing is unpacked beyond what it says
   * @throws Error if there is no such entry, or it is larger or damaged
   */
  read(name: string, most: number): Uint8Array {
    const size = this.#sizes.get(name)
    if (size === undefined) throw new Error(`there is no ${name} in it`)
    if (size > most) throw new Error(`${name} has ${size} bytes; at most ${most} are read`)
    const entry = unzipSync(this.#bytes, { filter: entry => entry.name === name && entry.originalSize === size })[name]
    if (entry?.byteLength !== size) throw new Error(`${name} is damaged`)
    return entry
  }
}
