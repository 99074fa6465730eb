import { Matrix } from 'ml-matrix'
import { type Adapter, modulesOf } from '../adapter.js'
import { inner, type Update, updateOf } from '../gram.js'
import { commonBases, requireOneSize } from './bases.js'

/**
 * ⟨ΔW_a, ΔW_b⟩ over all modules; a module that one of them lacks is zero there, and no adapter (null) is zero everywhere.
 *
 * @throws InputError if a module is not of one size in both
 */
export function adapterInnerProduct(a: Adapter | null, b: Adapter | null): number {
  return pairs(a, b).reduce((sum, { x, y }) => {
    if (!x || !y) return sum
    requireOneSize([x, y])
    return sum + (a === b ? inner(x) : inner(x, y))
  }, 0)
}

/** Where a squared distance is below this part of the squares, Gram matrices have lost more than six digits of it. */
const CANCELLED = 1e-10

/**
 * ‖ΔW_a − ΔW_b‖_F over all modules, exact to some six digits or better also where the two are nearly equal: what Gram
 * matrices cannot resolve is computed in common bases.
 *
 * @param products ⟨a, a⟩, ⟨b, b⟩ and ⟨a, b⟩, where they are known already
 * @throws InputError if a module is not of one size in both
 */
export function adapterDistance(
  a: Adapter | null,
  b: Adapter | null,
  [aa, bb, ab] = [adapterInnerProduct(a, a), adapterInnerProduct(b, b), adapterInnerProduct(a, b)],
): number {
  const square = aa + bb - 2 * ab
  return square > CANCELLED * (aa + bb) ? Math.sqrt(square) : Math.hypot(...pairs(a, b).map(exactDistance))
}

function exactDistance({ x, y }: Pair): number {
  const cores = commonBases([x, y].filter(u => u !== undefined)).cores
  return (x && y ? Matrix.sub(cores[0]!, cores[1]!) : cores[0]!).norm()
}

interface Pair {
  x: Update | undefined
  y: Update | undefined
}

/** Every module of either adapter, as each has it. */
function pairs(a: Adapter | null, b: Adapter | null): Pair[] {
  const [inA, inB] = [a, b].map(adapter => new Set(adapter ? modulesOf(adapter) : [])) as [Set<string>, Set<string>]
  return [...new Set([...inA, ...inB])].map(module => ({
    x: inA.has(module) ? updateOf(a!, module) : undefined,
    y: inB.has(module) ? updateOf(b!, module) : undefined,
  }))
}

/** ⟨x, y⟩/(‖x‖‖y‖), kept in [−1, 1] against rounding; null where it is 0/0. */
export const cosine = (product: number, x: number, y: number): number | null =>
  x > 0 && y > 0 ? Math.max(-1, Math.min(1, product / x / y)) : null
