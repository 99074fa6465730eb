import type {
  AdapterModule,
  AdapterPair,
  AdapterWay,
  Lineage,
  Outcome,
  Step,
  TimelinePoint,
  TunedDirections,
} from 'lora-harness/protocol'
import { type Grid, gridOf } from 'lora-harness/report'
import { Latest } from './latest.js'
import type { RunSource } from './source.js'
import type { AdapterWhat } from './view.js'

/** Two adapters to look at, or why there are none. */
export type Choice =
  | { a: string | null; b: string | null; other: number | null }
  | {
      why: /** The example that is looked at has not come yet. */
        | 'loading'
        /** The example left its adapter as it was. */
        | { kept: Outcome['kind'] }
        /** No example up to this one used or left an adapter. */
        | 'none'
        /** There is no other branch to compare with. */
        | 'alone'
        /** Both branches have the same adapter. */
        | 'same'
    }

/**
 * The adapters that are looked at beside an example.
 *
 * @param line examples of the branch that is looked at
 * @param step the example; null if it has not come
 * @param against examples of the branch to compare with: its adapter after the same example, or after its last one
 */
export function choose(
  what: AdapterWhat,
  line: readonly TimelinePoint[],
  index: number,
  step: Step | null,
  against: readonly TimelinePoint[] | null,
): Choice {
  const { lora, outcome } = line[index]!
  if (what === 'update') {
    if (outcome !== 'updated') return { why: { kept: outcome } }
    if (!step) return { why: 'loading' }
    return { a: step.retrievedLora?.identifier ?? null, b: step.updatedLora?.identifier ?? null, other: null }
  }
  if (what === 'total') return lora === null ? { why: 'none' } : { a: null, b: lora, other: null }
  if (against === null) return { why: 'alone' }
  const other = Math.min(index, against.length - 1)
  const a = against[other]?.lora ?? null
  if (a === lora) return { why: lora === null ? 'none' : 'same' }
  return { a, b: lora, other }
}

/** How much of its rank an adapter uses: medians over its modules, null if none is known. */
export interface Use {
  effectiveRank: number | null
  /** The greatest rank of a module. */
  rank: number | null
  /** It is a bound: what lies between two adapters has at most the rank of both together. */
  isBound: boolean
  strongest: number | null
}

/** The most directions a module could have: its rank; where that is no one number, as between two adapters, its values. */
export const rankOf = ({ rank, values }: Pick<AdapterModule, 'rank' | 'values'>): number => rank ?? values.length

export function useOf(modules: readonly AdapterModule[]): Use {
  const known = (of: (number | null)[]) => of.filter(v => v !== null)
  return {
    effectiveRank: median(known(modules.map(m => m.effectiveRank))),
    rank: modules.length > 0 ? Math.max(...modules.map(rankOf)) : null,
    isBound: modules.some(m => m.rank === null),
    strongest: median(known(modules.map(m => m.strongest))),
  }
}

/** @returns null for no values */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  const { length } = sorted
  return length === 0 ? null : (sorted[(length - 1) >> 1]! + sorted[length >> 1]!) / 2
}

/** Cosine of ΔW_b − ΔW_a and ΔW_a: whether the step goes on as before (1) or back (−1); null if one of them is nothing. */
export function onwardOf({ norms: { a, b, change }, cosine }: AdapterPair): number | null {
  if (cosine === null || a === 0 || change === 0) return null
  // Norms and cosine are rounded each for itself.
  return Math.max(-1, Math.min(1, (cosine * b - a) / change))
}

/** What the heat maps show, from left to right, on one scale. */
export interface Panes {
  panes: { kind: 'change' | 'a' | 'b'; grid: Grid; modules: AdapterModule[] }[]
  /** Top of the scale. */
  most: number
  /** The largest whole layer and the largest whole kind. */
  bars: { row: number; column: number }
}

export function panesOf(what: AdapterWhat, { modules, all }: AdapterPair): Panes {
  const kinds = what === 'against' ? (['b', 'a', 'change'] as const) : ([what === 'total' ? 'b' : 'change'] as const)
  // Rows and columns are the same in all panes.
  const every = new Set([...modules.a, ...modules.b].map(m => m.module).concat(all ?? []))
  const panes = kinds.map(kind => ({ kind, modules: modules[kind], grid: gridOf(modules[kind], every) }))
  const largest = (of: (grid: Grid) => number[]) => Math.max(0, ...panes.flatMap(({ grid }) => of(grid)))
  const bars = { row: largest(grid => grid.rows), column: largest(grid => grid.columns) }
  return { panes, bars, most: largest(grid => [grid.most]) }
}

/** An update as a tick: up if it goes on as before, down if it goes back. */
export interface Tick {
  at: number
  /** Its length, with that sign. */
  whole: number
  /** The part of it along what was learned before. */
  along: number
}

/** The first update has nothing before it: it goes up, and no part of it is along. */
export const ticksOf = (moves: AdapterWay['moves']): Tick[] =>
  moves.map(({ at, step, onward }) => ({ at, whole: (onward ?? 0) < 0 ? -step : step, along: step * (onward ?? 0) }))

/** Values that stay as they are until the next one. */
export function held(values: readonly (number | null)[]): (number | null)[] {
  let last: number | null = null
  return values.map(v => {
    last = v ?? last
    return last
  })
}

/**
 * Points of a line for drawing: all of them, or of each of `most` equal parts the least, the greatest and the last, which
 * looks the same.
 *
 * @param from,to first and last position that is drawn, inclusive
 */
export function thinned(
  values: readonly (number | null)[],
  [from, to]: readonly [number, number],
  most: number,
): { x: number[]; y: (number | null)[] } {
  // One more on each side: a line goes on beyond what is seen.
  const [begin, end] = [Math.max(0, from - 1), Math.min(values.length, to + 2)]
  const size = Math.ceil((end - begin) / most)
  const x: number[] = []
  if (size <= 3) for (let i = begin; i < end; i++) x.push(i)
  else
    for (let i = begin; i < end; i += size) {
      const last = Math.min(end, i + size) - 1
      let [least, greatest] = [last, last]
      for (let k = i; k < last; k++) {
        if ((values[k] ?? Number.POSITIVE_INFINITY) < (values[least] ?? Number.POSITIVE_INFINITY)) least = k
        if ((values[k] ?? Number.NEGATIVE_INFINITY) > (values[greatest] ?? Number.NEGATIVE_INFINITY)) greatest = k
      }
      x.push(...[...new Set([least, greatest, last])].sort((a, b) => a - b))
    }
  return { x, y: x.map(i => values[i]!) }
}

/** What the kernel was asked about adapters: one for all views of a source. */
export interface Asked {
  pairs: Latest<AdapterPair>
  directions: Latest<TunedDirections>
  paths: Latest<AdapterWay>
  lineage: Latest<Lineage>
}
const asked = new WeakMap<RunSource, Asked>()

export function askedOf(source: RunSource): Asked {
  const known = asked.get(source) ?? {
    ...{ pairs: new Latest<AdapterPair>(16), directions: new Latest<TunedDirections>(100) },
    ...{ paths: new Latest<AdapterWay>(4), lineage: new Latest<Lineage>(1) },
  }
  asked.set(source, known)
  return known
}
