import { HarnessError, messageOf } from '../errors.js'
import { type Adapter, modulesOf, ranksOf } from '../lora/adapter.js'
import { adapterDistance, adapterInnerProduct, cosine } from '../lora/analysis/distance.js'
import { spectrum } from '../lora/analysis/spectrum.js'
import type { BaseModel } from '../lora/format.js'
import { updateOf } from '../lora/gram.js'
import { readPeft } from '../lora/peft.js'
import type { Step } from '../protocol/index.js'
import type { RunRecord } from '../record/record.js'
import type { ModuleShape, Move, WayData } from './pictures/index.js'

/** What the adapter pictures of a report are drawn from. */
export interface AdapterPictures {
  /** The last adapter of the branch. */
  last: { identifier: string; index: number; norm: number }
  modules: ModuleShape[]
  /** ‖W₀‖_F of every module of the base model; or why it is not known. */
  base: ReadonlyMap<string, number> | null
  baseWhy: string | null
  way: WayData
  /** Cosines between the last adapters of branches, and their sizes; null for fewer than two. */
  branches: { names: string[]; cosines: (number | null)[][] } | null
}

/** Updates whose direction is looked at: each needs two adapters to be read, about 0.2 s for 2.4 million parameters. */
const MOST_MOVES = 60
/** Branches in the table of cosines. */
const MOST_BRANCHES = 6

/**
 * Reads the adapters of a branch for its pictures: sizes and directions of the last one, the way of all.
 *
 * @returns in words why there are no pictures, if there are none
 */
export async function adapterPictures(
  record: Pick<RunRecord, 'adapter' | 'lora' | 'branches' | 'timeline'>,
  branch: string,
  steps: readonly Step[],
): Promise<AdapterPictures | { why: string }> {
  const last = steps.findLast(step => loraAfter(step) !== null)
  if (!last) return { why: 'No example used or left an adapter.' }
  const identifier = loraAfter(last)!
  try {
    const read = reader(record)
    const { adapter, base } = read(identifier)
    const known = await baseNorms(base)
    return {
      last: { identifier, index: last.index, norm: Math.sqrt(Math.max(0, adapterInnerProduct(adapter, adapter))) },
      modules: shapes(adapter, 'norms' in known ? known.norms : null),
      base: 'norms' in known ? known.norms : null,
      baseWhy: 'why' in known ? known.why : null,
      way: wayOf(record, steps, read),
      branches: cosinesOf(record, branch, read),
    }
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error
    return { why: `The adapter pictures are left out: ${messageOf(error)}` }
  }
}

/** The adapter that an example left behind. */
export const loraAfter = ({ updatedLora, retrievedLora }: Pick<Step, 'updatedLora' | 'retrievedLora'>): string | null =>
  (updatedLora ?? retrievedLora)?.identifier ?? null

type Read = (identifier: string) => { adapter: Adapter; base: BaseModel }

/** Reads adapters of a run; the last few are kept, because an update is looked at beside the one before it. */
function reader(record: Pick<RunRecord, 'adapter' | 'lora'>): Read {
  const kept = new Map<string, ReturnType<Read>>()
  return identifier => {
    const known = kept.get(identifier)
    if (known) return known
    const removed = record.adapter(identifier)?.removed
    const { path } = record.lora(identifier)
    if (removed || path === undefined)
      throw new HarnessError(
        `adapter ${identifier.slice(0, 12)} ${removed ? `was given up: ${removed.why}` : 'has no files'}`,
      )
    const found = readPeft(path)
    kept.set(identifier, found)
    if (kept.size > 4) kept.delete(kept.keys().next().value!)
    return found
  }
}

async function baseNorms(base: BaseModel): Promise<{ norms: ReadonlyMap<string, number> } | { why: string }> {
  try {
    const { findBaseNorms } = await import('../engine/base-norms.js') // Loads ONNX Runtime.
    return { norms: await findBaseNorms(base) }
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error
    return { why: messageOf(error) }
  }
}

function shapes(adapter: Adapter, base: ReadonlyMap<string, number> | null): ModuleShape[] {
  const ranks = ranksOf(adapter)
  return modulesOf(adapter).map(module => {
    const { norm, stableRank, effectiveRank } = spectrum(updateOf(adapter, module))
    const strongest = stableRank === null ? null : 1 / stableRank
    return { module, norm, baseNorm: base?.get(module) ?? null, rank: ranks.get(module)!, effectiveRank, strongest }
  })
}

/** Norms of the adapters of a branch along its examples, a line for each that was begun from none, and some updates. */
function wayOf(record: Pick<RunRecord, 'adapter'>, steps: readonly Step[], read: Read): WayData {
  const roots = new Map<string, string>()
  const rootOf = (identifier: string): string => {
    const line = [identifier]
    for (let at = identifier; !roots.has(at); ) {
      const parent = record.adapter(at)?.parent ?? null
      if (parent === null || line.includes(parent)) roots.set(at, at)
      else {
        line.push(parent)
        at = parent
      }
    }
    const root = roots.get(line.at(-1)!)!
    for (const name of line) roots.set(name, root)
    return root
  }
  const norms = new Map<string, number | null>()
  const normOf = (identifier: string): number | null => {
    if (!norms.has(identifier)) {
      const known = record.adapter(identifier)?.norms
      norms.set(identifier, known ? Math.hypot(...Object.values(known)) : null)
    }
    return norms.get(identifier)!
  }
  const lines = new Map<string, { chats: Set<string | null>; norms: (number | null)[] }>()
  for (const [i, step] of steps.entries()) {
    const after = loraAfter(step)
    if (after === null) continue
    const root = rootOf(after)
    if (!lines.has(root)) lines.set(root, { chats: new Set(), norms: Array(steps.length).fill(null) })
    const line = lines.get(root)!
    line.chats.add(step.chatId)
    line.norms[i] = normOf(after)
  }
  const updates = steps.flatMap((step, at) => (step.updatedLora ? [{ step, at }] : []))
  const some = updates.filter((_, i) => updates.length <= MOST_MOVES || kept(i, updates.length))
  return {
    updates: updates.length,
    lines: [...lines.values()].map(({ chats, norms }, i) => {
      const [chat] = chats
      return { name: chats.size === 1 && chat != null ? chat : `adapter ${i + 1}`, norms }
    }),
    moves: some.map(({ step, at }): Move => {
      const before = step.retrievedLora ? read(step.retrievedLora.identifier).adapter : null
      const after = read(step.updatedLora!.identifier).adapter
      const squares = [adapterInnerProduct(after, after), adapterInnerProduct(before, before)] as const
      const product = adapterInnerProduct(after, before)
      const length = adapterDistance(after, before, [...squares, product])
      return { at, step: length, onward: cosine(product - squares[1], length, Math.sqrt(Math.max(0, squares[1]))) }
    }),
  }
}

/** Is the i-th of n among MOST_MOVES that are spread evenly? */
const kept = (i: number, n: number): boolean =>
  Math.floor((i * MOST_MOVES) / n) !== Math.floor(((i - 1) * MOST_MOVES) / n)

/** @param branch comes first */
function cosinesOf(
  record: Pick<RunRecord, 'branches' | 'timeline'>,
  branch: string,
  read: Read,
): AdapterPictures['branches'] {
  const names = [branch, ...record.branches.map(b => b.name).filter(name => name !== branch)]
  const ends = names.flatMap(name => {
    const lora = record.timeline(name).findLast(point => point.lora !== null)?.lora
    return lora ? [{ name, lora }] : []
  })
  const some = ends.filter(({ lora }, i) => ends.findIndex(other => other.lora === lora) === i).slice(0, MOST_BRANCHES)
  if (some.length < 2) return null
  const adapters = some.map(({ lora }) => read(lora).adapter)
  const products = adapters.map(a => adapters.map(b => adapterInnerProduct(a, b)))
  const length = (i: number) => Math.sqrt(Math.max(0, products[i]![i]!))
  return {
    names: some.map(({ name }) => name),
    cosines: products.map((of, i) => of.map((product, j) => cosine(product, length(i), length(j)))),
  }
}
