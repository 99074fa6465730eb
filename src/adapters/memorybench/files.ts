import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { InputError } from '../../errors.js'
import { type Row, readRows } from '../rows.js'
import { readArrow } from './arrow.js'

export type Split = 'train' | 'test'
export const SPLITS: readonly Split[] = ['train', 'test']

/** A file with rows of a set; `split` where its name says it, `own` if it holds no other sets. */
interface SetFile {
  path: string
  split?: Split
  own: boolean
}

/** A row, and the split that its file's name says, if it does. */
export type SetRow = Row & { split: Split | undefined }

const ROWS = /\.(jsonl?|arrow)$/
/** Beside Arrow files these describe them; they hold no rows. */
const NOT_ROWS = new Set(['dataset_info.json', 'state.json', 'dataset_dict.json'])
const SHARD = /^(.*)-(\d{5})-of-(\d{5})\.arrow$/

/**
 * Files of a set: one with all sets, or those in MemoryBench's folder: `dataset/NAME/{train,test}/*.{arrow,json,jsonl}`,
 * `dataset/NAME/{train,test}.json[l]` or `dataset/NAME.json[l]`, with or without `dataset/`; undefined if there are none.
 *
 * @throws InputError if a part of a split that was written in parts is missing
 */
export function setFiles(path: string, name: string): SetFile[] | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return [{ path, own: false }]
  for (const base of [join(path, 'dataset', name), join(path, name)]) {
    const whole = withExtension(base).map(file => ({ path: file, own: true }))
    if (whole.length > 0) return whole
    const parts = SPLITS.flatMap(split => {
      const files = [...withExtension(join(base, split)), ...complete(listed(join(base, split)).filter(isRows))]
      return files.map(file => ({ path: file, split, own: true }))
    })
    if (parts.length > 0) return parts
  }
  return undefined
}

/**
 * Rows of one set, one after the other: of one split where files are kept apart by it, otherwise of any.
 *
 * @param wanted columns to decode, where a file keeps them apart
 * @throws InputError if there is no such file or folder, or nothing of that set in it
 */
export function* readSet(
  path: string,
  name: string,
  split: Split,
  wanted: (column: string) => boolean,
): Generator<SetRow> {
  for (const { path: file, split: ofFile, own } of filesOf(path, name)) {
    if (ofFile !== undefined && ofFile !== split) continue
    for (const row of file.endsWith('.arrow') ? readArrow(file, wanted) : readRows(file))
      if (own || !isOther(row.value, name)) yield { ...row, split: ofFile }
  }
}

/** In a file of several sets, rows of others are passed over unread; one without a name is an error of its own. */
function isOther(row: unknown, name: string): boolean {
  const other = (Object(row) as { dataset_name?: unknown }).dataset_name
  return typeof other === 'string' && other !== name
}

function filesOf(path: string, name: string): SetFile[] {
  if (!existsSync(path)) throw new InputError(`reading MemoryBench: there is no ${path}`)
  const files = setFiles(path, name)
  if (files) return files
  const right =
    `dataset/${name}/train and test, each with .arrow, .jsonl or .json files (or train.jsonl and test.jsonl), or ` +
    `dataset/${name}.jsonl with a split in each row`
  throw new InputError(`reading ${name} from ${path}: found none of its files; right would be ${right}`)
}

const withExtension = (base: string) => [`${base}.json`, `${base}.jsonl`].filter(file => existsSync(file))
const isRows = (file: string) => ROWS.test(file) && !NOT_ROWS.has(basename(file))

function listed(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return []
  const names = readdirSync(folder).sort()
  return names.map(name => join(folder, name))
}

/** The files themselves. @throws InputError if they are parts, `…-00001-of-00004.arrow`, and not all are there */
function complete(files: string[]): string[] {
  const names = new Set(files.map(file => basename(file)))
  for (const file of files) {
    const [, stem, , of] = SHARD.exec(basename(file)) ?? []
    for (let i = 0; i < Number(of ?? 0); i++) {
      const part = `${stem}-${String(i).padStart(5, '0')}-of-${of}.arrow`
      if (!names.has(part)) throw new InputError(`reading ${file}: ${part} is missing beside it`)
    }
  }
  return files
}
