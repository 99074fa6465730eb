import type { AdapterWay } from '../../protocol/index.js'
import type { Adapter } from '../adapter.js'
import { adapterDistance, adapterInnerProduct, cosine } from './distance.js'
import { pauses } from './pause.js'

/** The adapters of one example by their names. */
export interface WayStep {
  chatId: string | null
  retrieved: string | null
  updated: string | null
}

/** Where adapters are found. */
export interface WaySource {
  /** What is known without reading it: the one it was trained from, and ‖ΔW‖_F. */
  known(identifier: string): { parent: string | null; norm: number | null } | undefined
  /** @throws HarnessError if it cannot be read */
  read(identifier: string): Adapter
}

/** One update: its length, and the cosine with what was there before. */
export type Moved = Omit<AdapterWay['moves'][number], 'at'>

/** Updates whose direction is looked at: each needs two adapters to be read, about 0.2 s for 2.4 million parameters. */
const MOST_MOVES = 60

/**
 * Norms of the adapters of a branch along its examples, a line for each that was begun from none, and some of the
 * updates, evenly spread. Other work gets its turns meanwhile.
 *
 * @param moved updates that are known from before; those that are looked at are added
 * @throws what `source.read` throws
 */
export async function adapterWay(
  steps: readonly WayStep[],
  source: WaySource,
  moved = new Map<string, Moved>(),
): Promise<Omit<AdapterWay, 'branches'>> {
  const pause = pauses()
  const updates = steps.flatMap(({ retrieved, updated }, at) => (updated === null ? [] : [{ at, retrieved, updated }]))
  const moves: AdapterWay['moves'] = []
  for (const [i, { at, retrieved, updated }] of updates.entries()) {
    if (updates.length > MOST_MOVES && !isKept(i, updates.length)) continue
    const key = `${retrieved}>${updated}`
    if (!moved.has(key)) {
      const before = retrieved === null ? null : source.read(retrieved)
      await pause()
      const after = source.read(updated)
      await pause()
      moved.set(key, moveOf(before, after))
      await pause()
    }
    moves.push({ at, ...moved.get(key)! })
  }
  return { lines: linesOf(steps, source), moves, updates: updates.length }
}

function moveOf(before: Adapter | null, after: Adapter): Moved {
  const squares = [adapterInnerProduct(after, after), adapterInnerProduct(before, before)] as const
  const product = adapterInnerProduct(after, before)
  const step = adapterDistance(after, before, [...squares, product])
  return { step, onward: cosine(product - squares[1], step, Math.sqrt(Math.max(0, squares[1]))) }
}

/** Is the i-th of n among MOST_MOVES that are spread evenly? */
const isKept = (i: number, n: number): boolean =>
  Math.floor((i * MOST_MOVES) / n) !== Math.floor(((i - 1) * MOST_MOVES) / n)

function linesOf(steps: readonly WayStep[], source: WaySource): AdapterWay['lines'] {
  const roots = new Map<string, string>()
  const rootOf = (identifier: string): string => {
    const line = [identifier]
    for (let at = identifier; !roots.has(at); ) {
      const parent = source.known(at)?.parent ?? null
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
    if (!norms.has(identifier)) norms.set(identifier, source.known(identifier)?.norm ?? null)
    return norms.get(identifier)!
  }
  const lines = new Map<string, { chats: Set<string | null>; norms: (number | null)[] }>()
  for (const [i, { chatId, retrieved, updated }] of steps.entries()) {
    const after = updated ?? retrieved
    if (after === null) continue
    const root = rootOf(after)
    if (!lines.has(root)) lines.set(root, { chats: new Set(), norms: Array(steps.length).fill(null) })
    const line = lines.get(root)!
    line.chats.add(chatId)
    line.norms[i] = normOf(after)
  }
  return [...lines.values()].map(({ chats, norms }, i) => {
    const [chat] = chats
    return { name: chats.size === 1 && chat != null ? chat : `adapter ${i + 1}`, norms }
  })
}

/** Branches in the table of cosines. */
const MOST_BRANCHES = 6

/**
 * Cosines between the last adapters of branches.
 *
 * @param ends the last adapter of each branch, null where it has none; the branch that is looked at comes first
 * @returns null for fewer than two adapters
 */
export async function branchCosines(
  ends: readonly { name: string; lora: string | null }[],
  { read }: Pick<WaySource, 'read'>,
): Promise<AdapterWay['branches']> {
  const pause = pauses()
  const there = ends.filter(({ lora }) => lora !== null)
  const some = there.filter(({ lora }, i) => there.findIndex(end => end.lora === lora) === i).slice(0, MOST_BRANCHES)
  if (some.length < 2) return null
  const adapters: Adapter[] = []
  for (const { lora } of some) {
    adapters.push(read(lora!))
    await pause()
  }
  const products: number[][] = adapters.map(() => [])
  for (const [i, a] of adapters.entries())
    for (const [j, b] of adapters.entries()) {
      products[i]![j] = j < i ? products[j]![i]! : adapterInnerProduct(a, b)
      await pause()
    }
  const length = (i: number) => Math.sqrt(Math.max(0, products[i]![i]!))
  return {
    names: some.map(({ name }) => name),
    cosines: products.map((of, i) => of.map((product, j) => cosine(product, length(i), length(j)))),
  }
}
