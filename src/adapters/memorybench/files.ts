import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { InputError } from '../../errors.js'
import { type Row, readRows } from '../rows.js'

/** A row, and the split that its file's name says, if it does. */
export type SetRow = Row & { split?: 'train' | 'test' }

const SPLITS = ['train', 'test'] as const
const EXTENSIONS = ['.json', '.jsonl']
/** Beside Arrow files these describe them; they hold no rows. */
const NOT_ROWS = new Set(['dataset_info.json', 'state.json', 'dataset_dict.json'])

/**
 * Rows of one set in a file with all sets, or in MemoryBench's folder: `dataset/NAME/{train,test}.json[l]`,
 * `dataset/NAME/{train,test}/*.json[l]` or `dataset/NAME.json[l]`, with or without `dataset/`.
 *
 * @throws InputError if there is nothing, or only Arrow files
 */
export function readSet(path: string, name: string): SetRow[] {
  if (!existsSync(path)) throw new InputError(`reading MemoryBench: there is no ${path}`)
  if (statSync(path).isFile()) return readRows(path)
  for (const base of [join(path, 'dataset', name), join(path, name)]) {
    const whole = withExtension(base)
    if (whole.length > 0) return whole.flatMap(readRows)
    const parts = SPLITS.flatMap(split =>
      [...withExtension(join(base, split)), ...listed(join(base, split)).filter(isRows)].flatMap(file =>
        readRows(file).map(row => ({ ...row, split })),
      ),
    )
    if (parts.length > 0) return parts
    if (SPLITS.some(split => listed(join(base, split)).some(file => file.endsWith('.arrow'))))
      throw new InputError(arrow(base))
  }
  const right = `dataset/${name}/train.jsonl and test.jsonl (or .json), or dataset/${name}.jsonl with a split in each row`
  throw new InputError(`reading ${name} from ${path}: found none of its files; right would be ${right}`)
}

const withExtension = (base: string) => EXTENSIONS.map(extension => base + extension).filter(file => existsSync(file))
const isRows = (file: string) => /\.jsonl?$/.test(file) && !NOT_ROWS.has(basename(file))

function listed(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return []
  const names = readdirSync(folder).sort()
  return names.map(name => join(folder, name))
}

const arrow = (folder: string) =>
  `reading ${folder}: it holds Arrow files, which are not supported yet; export them once with Python's datasets: ` +
  `d = load_from_disk(FOLDER), then d[s].to_json(f"{FOLDER}/{s}.jsonl") for s in ("train", "test")`
