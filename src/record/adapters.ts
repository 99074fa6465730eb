import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { HarnessError, InputError, messageOf } from '../errors.js'
import { type Adapter, identify } from '../lora/adapter.js'
import { makeDurably, writeDurably } from '../lora/durable.js'
import { decodePeft } from '../lora/format.js'
import type { LoRAHandle } from '../lora/handle.js'
import { moduleNorms } from '../lora/norms.js'
import { sha256 } from '../lora/sha256.js'
import type { Json } from '../protocol/index.js'
import type { AdapterRecord } from './record.js'
import { withTexts } from './texts.js'

/** What a record keeps of a handle, wherever in the run it came up. */
export type KeptAdapter = Omit<AdapterRecord, 'parent' | 'branch' | 'index' | 'removed'>

/**
 * Makes sure that a run has an adapter's files, under a name that says what is in them.
 *
 * An adapter whose identifier is its hash lies under that; another one in a folder is copied under the hash of its
 * files, so that whatever is written to that folder later does not change what the run has. Without a folder there are
 * no files to keep.
 *
 * @param folder the run's `adapters/`
 * @throws HarnessError if its files cannot be read or written, or it has data that JSON has no form for
 */
export function keepAdapter(lora: LoRAHandle, folder: string): KeptAdapter {
  const { identifier, path, embedding, metadata } = lora
  try {
    const plain = { identifier, embedding: embedding ? [...embedding] : null, metadata: plainData(metadata) }
    if (path === undefined) return { ...plain, folder: null, files: {}, bytes: 0, norms: null }
    const contents = filesIn(path)
    const files = Object.fromEntries(
      [...contents].map(([name, data]) => [name, { bytes: data.length, sha256: sha256([data]) }]),
    )
    const peft = peftIn(contents, path)
    // In the run's folder a name says what is in it: no need to hash ten megabytes once more.
    const own = peft !== undefined && (resolve(path) === join(folder, identifier) || identify(peft) === identifier)
    const name = own ? identifier : sha256([JSON.stringify(files)])
    const target = join(folder, name)
    if (resolve(path) !== target && !existsSync(target))
      makeDurably(target, made => {
        for (const [file, data] of contents) writeDurably(join(made, file), data)
      })
    const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0)
    const norms = peft ? Object.fromEntries(moduleNorms(peft)) : null
    return { ...plain, folder: name, files, bytes, norms }
  } catch (cause) {
    throw new HarnessError(`keeping adapter ${identifier.slice(0, 12)}: ${messageOf(cause)}`, { cause })
  }
}

/** A row of the table, with the name of its branch. */
interface AdapterRow {
  identifier: string
  name: string
  idx: number
  body: string
  removed: string | null
}

/** Module names are the same for most adapters of a run: they are one long text. */
export function adapterRecord(row: AdapterRow, textOf: (hash: string) => string): AdapterRecord {
  const { norms, ...rest } = withTexts(JSON.parse(row.body), textOf) as unknown as StoredAdapter
  const modules = norms?.modules.split('\n') ?? []
  return {
    identifier: JSON.parse(row.identifier),
    ...rest,
    branch: JSON.parse(row.name),
    index: row.idx,
    norms: norms && Object.fromEntries(modules.map((module, i) => [module, norms.values[i]!])),
    removed: row.removed === null ? null : JSON.parse(row.removed),
  }
}

/** An adapter as its row has it. */
export type StoredAdapter = Omit<AdapterRecord, 'identifier' | 'branch' | 'index' | 'norms' | 'removed'> & {
  norms: { modules: string; values: number[] } | null
}

/** Contents of a folder's files, by name in order. */
const filesIn = (folder: string): Map<string, Uint8Array> =>
  new Map(
    readdirSync(folder, { withFileTypes: true })
      .filter(entry => entry.isFile() && !entry.name.startsWith('.'))
      .map(({ name }) => [name, readFileSync(join(folder, name))] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )

/** The adapter that files are; undefined if it is of a kind that this project cannot read. */
function peftIn(contents: ReadonlyMap<string, Uint8Array>, folder: string): Adapter | undefined {
  try {
    return decodePeft(contents, folder).adapter
  } catch (cause) {
    if (cause instanceof InputError) return undefined
    throw cause
  }
}

/** A copy of metadata as JSON. @throws TypeError naming what has no JSON form */
function plainData(metadata: LoRAHandle['metadata']): Record<string, Json> {
  const text = JSON.stringify(metadata, (name, value) => {
    const odd = typeof value === 'number' ? !Number.isFinite(value) : /function|symbol|bigint/.test(typeof value)
    if (odd || value instanceof Map || value instanceof Set || ArrayBuffer.isView(value))
      throw new TypeError(`metadata must be plain JSON data; ${name} is ${Object.prototype.toString.call(value)}`)
    return value
  })
  return JSON.parse(text)
}
