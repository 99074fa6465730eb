import { InputError, type RunWriter, readDirections, readPair, readPath, toStep } from 'lora-harness'
import type { AdapterPair, AdapterWay, ControlRequest, Lineage, TunedDirections } from 'lora-harness/protocol'
import type { NotebookHarness } from './notebook.js'

type Asked<T extends ControlRequest['type']> = Extract<ControlRequest, { type: T }>

/** What was computed of a record's adapters: they never change. */
interface Kept {
  pairs: Map<string, Promise<AdapterPair>>
  moved: NonNullable<Parameters<typeof readPath>[3]>
}
const kept = new WeakMap<RunWriter, Kept>()
/** Pairs kept of each record, about 100 kB each. */
const MOST_PAIRS = 50

function keptOf({ record }: NotebookHarness): Kept {
  const known = kept.get(record) ?? { pairs: new Map(), moved: new Map() }
  kept.set(record, known)
  return known
}

/** Two adapters of a run and what lies between them. */
export function adapters(run: NotebookHarness, { a, b }: Asked<'adapters'>): Promise<AdapterPair> {
  const { pairs } = keptOf(run)
  const key = JSON.stringify([a, b])
  const pair = pairs.get(key) ?? readPair(run.record, a, b)
  // Asked for again it is the last to be forgotten; what failed may do better another time.
  pairs.delete(key)
  pairs.set(key, pair)
  pair.catch(() => pairs.delete(key))
  if (pairs.size > MOST_PAIRS) pairs.delete(pairs.keys().next().value!)
  return pair
}

/** How new the strongest directions of a module are to the base model; one module after another, so that a core is free. */
export function directions(run: NotebookHarness, { adapter, module }: Asked<'directions'>): Promise<TunedDirections> {
  const found = lastDirections.catch(() => {}).then(() => readDirections(run.record, adapter, module))
  lastDirections = found
  return found
}
let lastDirections: Promise<unknown> = Promise.resolve()

/** The way of a branch's adapters. */
export function path(run: NotebookHarness, { branch }: Asked<'path'>): Promise<AdapterWay> {
  const steps = branch === run.branch.name ? run.results.map(toStep) : run.record.steps(branch)
  return readPath(run.record, branch, steps, keptOf(run).moved)
}

/** The branches, and the adapters that were made on them. */
export function lineage({ record, branch, points }: NotebookHarness): Lineage {
  return {
    current: branch.name,
    branches: record.branches.map(each => ({
      ...each,
      length: each.name === branch.name ? points.length : each.at + record.examples(each.name).length,
    })),
    adapters: record.adapters().map(({ identifier, parent, branch, index, bytes }) => ({
      ...{ identifier, parent, branch, index, bytes },
    })),
  }
}

/** Puts a person's words beside an example; whoever follows the run is told. */
export function annotate(run: NotebookHarness, { branch, index, tags, note }: Asked<'annotate'>): null {
  const { branches } = lineage(run)
  if (!branches.some(known => known.name === branch && index < known.length))
    throw new InputError(`branch ${branch} of run ${run.id} has no example ${index}`)
  const before = run.events.filter(e => e.type === 'annotation' && e.branch === branch && e.index === index)
  // A record takes each event once: words that come back are another event than the first time.
  const revision = before.length
  run.record.note({ type: 'annotation', branch, index, time: new Date().toISOString(), tags, note, revision })
  return null
}
