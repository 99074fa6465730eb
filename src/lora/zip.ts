import { unzipSync, zipSync } from 'fflate'
import { InputError, messageOf } from '../errors.js'
import type { Adapter } from './adapter.js'
import type { TrainingNotes } from './card.js'
import { type BaseModel, decodePeft, encodePeft, PEFT_FILES } from './format.js'

/** An adapter as one zip file with the files of its PEFT folder. The same adapter gives the same bytes. */
export function encodeZip(adapter: Adapter, base: BaseModel, training?: TrainingNotes): Uint8Array {
  // Weights do not compress, and the format's first date stands for none.
  return zipSync(Object.fromEntries(encodePeft(adapter, base, training)), { level: 0, mtime: '1980-01-01T12:00:00' })
}

/**
 * An adapter from a zip file with PEFT's files at its top, or in one folder.
 *
 * @throws InputError if it is no zip file, a file in it is larger than PEFT's are, or the adapter cannot be used
 */
export function decodeZip(bytes: Uint8Array): { adapter: Adapter; base: BaseModel } {
  const files = new Map<string, Uint8Array>()
  try {
    const found = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        const limit = limitOf(name)
        if (limit !== undefined && originalSize > limit)
          throw new InputError(`${name} has ${originalSize} bytes; at most ${limit} are read`)
        return limit !== undefined
      },
    })
    for (const [name, content] of Object.entries(found)) files.set(nameOf(name), content)
  } catch (cause) {
    throw new InputError(`reading the zip file of an adapter: ${messageOf(cause)}`, { cause })
  }
  return decodePeft(files, 'in the zip file')
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const limitOf = (path: string): number | undefined =>
  path.split('/').length > 2 ? undefined : (PEFT_FILES as Record<string, number | undefined>)[nameOf(path)]
