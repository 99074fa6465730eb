import { HarnessError, messageOf } from '../errors.js'
import type { Adapter } from '../lora/adapter.js'
import { adapterInnerProduct } from '../lora/analysis/distance.js'
import { adapterPair, type BaseSizes, type Named } from '../lora/analysis/pair.js'
import { adapterWay, branchCosines, type Moved, type WaySource, type WayStep } from '../lora/analysis/way.js'
import type { BaseModel } from '../lora/format.js'
import { readPeft } from '../lora/peft.js'
import type { AdapterPair, AdapterWay, Step, TimelinePoint } from '../protocol/index.js'
import type { RunRecord } from '../record/record.js'
import type { WayData } from './pictures/index.js'
import { type AdapterViews, viewsOf } from './views.js'

/** What the adapter pictures of a report are drawn from. */
export interface AdapterPictures extends AdapterViews {
  /** The last adapter of the branch. */
  last: { identifier: string; index: number; norm: number }
  /** ‖W₀‖_F of every module of the base model; or why it is not known. */
  base: ReadonlyMap<string, number> | null
  baseWhy: string | null
  way: WayData
  /** Cosines between the last adapters of branches, and their sizes; null for fewer than two. */
  branches: { names: string[]; cosines: (number | null)[][] } | null
}

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
    const named = (of: string): Named => ({ identifier: of, adapter: read(of).adapter })
    const end = { identifier, chatId: last.chatId }
    return {
      last: { identifier, index: last.index, norm: Math.sqrt(Math.max(0, adapterInnerProduct(adapter, adapter))) },
      ...(await viewsOf(record, branch, steps, end, named, known)),
      base: 'norms' in known ? known.norms : null,
      baseWhy: 'why' in known ? known.why : null,
      way: await adapterWay(steps.map(wayStep), sourceOf(record, read)),
      branches: await branchCosines(endsOf(record, branch), sourceOf(record, read)),
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
export function reader(record: Pick<RunRecord, 'adapter' | 'lora'>): Read {
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

const wayStep = ({ chatId, retrievedLora, updatedLora }: Step): WayStep => ({
  ...{ chatId, retrieved: retrievedLora?.identifier ?? null, updated: updatedLora?.identifier ?? null },
})

function sourceOf(record: Pick<RunRecord, 'adapter'>, read: Read): WaySource {
  return {
    known: identifier => {
      const found = record.adapter(identifier)
      return found && { parent: found.parent, norm: found.norms && Math.hypot(...Object.values(found.norms)) }
    },
    read: identifier => read(identifier).adapter,
  }
}

/** The last adapter of each branch; that of `branch` comes first. */
function endsOf(record: Pick<RunRecord, 'branches' | 'timeline'>, branch: string) {
  const names = [branch, ...record.branches.map(b => b.name).filter(name => name !== branch)]
  const last = (points: readonly TimelinePoint[]) => points.findLast(point => point.lora !== null)?.lora ?? null
  return names.map(name => ({ name, lora: last(record.timeline(name)) }))
}

/**
 * Two adapters of a run, and what lies between them; null stands for none. Norms of the base model come from what is on
 * this machine: the first time its weights are read, which takes some seconds.
 *
 * @throws HarnessError if an adapter has no files any more; InputError if the two are of different models
 */
export async function readPair(
  record: Pick<RunRecord, 'adapter' | 'lora'>,
  a: string | null,
  b: string | null,
): Promise<AdapterPair> {
  const read = reader(record)
  const named = (identifier: string | null): Named | null =>
    identifier === null ? null : { identifier, adapter: read(identifier).adapter }
  const one = a ?? b
  const base: BaseSizes = one === null ? { why: 'There is no adapter.' } : await baseNorms(read(one).base)
  return await adapterPair(named(a), named(b), base)
}

/**
 * The way of a branch's adapters along its examples.
 *
 * @param steps all of the branch
 * @param moved updates that are known from before; those that are looked at are added
 * @throws HarnessError if an adapter has no files any more
 */
export async function readPath(
  record: Pick<RunRecord, 'adapter' | 'lora' | 'branches' | 'timeline'>,
  branch: string,
  steps: readonly Step[],
  moved?: Map<string, Moved>,
): Promise<AdapterWay> {
  const source = sourceOf(record, reader(record))
  const way = await adapterWay(steps.map(wayStep), source, moved)
  return { ...way, branches: await branchCosines(endsOf(record, branch), source) }
}
