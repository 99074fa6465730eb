import { InputError, quote } from '../errors.js'
import { type Adapter, identify, modulesOf } from '../lora/adapter.js'
import { compareAdapters } from '../lora/analysis/compare.js'
import { adapterPath } from '../lora/analysis/path.js'
import { type BaseModel, baseMismatch } from '../lora/format.js'
import { readPeft } from '../lora/peft.js'
import { type AdapterPlace, findAdapter, lineageOf } from '../record/adapter-ref.js'
import { type Diff, diffText, type Side } from './diff-text.js'
import { EXIT, type ExitCode } from './exit.js'

export interface DiffOptions {
  /** Lines of the table of modules. */
  modules?: number | 'all'
  /** Folder or id of the base model. */
  base?: string
  json?: boolean
}

/**
 * `lora-harness diff A B`: what lies between two adapters.
 *
 * @param a PEFT folder, or `RUN[@BRANCH][#INDEX]`
 * @throws InputError if one cannot be read, or they cannot be compared
 */
export async function diff(a: string, b: string, { modules = 10, base, json = false }: DiffOptions): Promise<ExitCode> {
  const places = [findAdapter(a), findAdapter(b)] as const
  const [readA, readB] = places.map(place => readPeft(place.path)) as [Read, Read]
  const comparison = compareAdapters(readA.adapter, readB.adapter)
  const lineage = lineageOf(...places)
  const found: Diff = {
    a: side(a, readA),
    b: side(b, readB),
    sameBase: baseMismatch(readA.base, readB.base) === undefined,
    comparison,
    base: await baseOf([readB, readA], base),
    path: lineage ? adapterPath(inOrder(lineage)) : null,
  }
  console.log(json ? JSON.stringify(found, null, 2) : diffText(found, modules))
  return EXIT.finished
}

interface Read {
  adapter: Adapter
  base: BaseModel
}

const side = (text: string, { adapter, base }: Read): Side => ({
  text,
  identifier: identify(adapter),
  r: adapter.config.r,
  base: base.name,
})

/** Read when they are needed, so that a long line is not all in memory. */
function* inOrder(places: readonly AdapterPlace[]): Generator<Adapter> {
  for (const { path } of places) yield readPeft(path).adapter
}

/** The sizes of the weights that both are added to; a model that was asked for must be found and fit. */
async function baseOf(read: readonly Read[], model: string | undefined): Promise<Diff['base']> {
  try {
    const { findBaseNorms } = await import('../engine/base-norms.js') // Loads ONNX Runtime.
    const norms = await findBaseNorms(read[0]!.base, model)
    const lacking = read.flatMap(r => modulesOf(r.adapter)).find(m => !norms.get(m))
    if (lacking !== undefined)
      throw new InputError(`the base model has no module ${quote(lacking)}, or its weights are zero`)
    return { norms: Object.fromEntries(norms) }
  } catch (cause) {
    if (model !== undefined || !(cause instanceof InputError)) throw cause
    return { why: cause.message }
  }
}
