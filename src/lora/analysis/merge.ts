import { InputError } from '../../errors.js'
import { tensorName } from '../../rules/lora.js'
import type { Tensor } from '../../tensor.js'
import { type Adapter, modulesOf } from '../adapter.js'
import { type Update, updateOf } from '../gram.js'
import { commonBases, requireAlike } from './bases.js'
import { decompose } from './spectrum.js'

/** An adapter and the weight that its update has in a sum. */
export interface Weighted {
  adapter: Adapter
  weight: number
}

/**
 * The adapter whose update is Σ weight·ΔW, exactly (to the rounding of its float32 tensors): factors side by side, so
 * ranks add. Ranks, alphas, rsLoRA and modules may differ; a module that one adapter lacks is zero there.
 *
 * @param rank at most so many directions for each module: the nearest update of that rank in ‖·‖_F, which is the sum
 * less its smallest singular values (Eckart and Young 1936)
 * @throws InputError if there are no adapters, a weight is not finite, the rank is no whole number from 1 on, or a
 * module is not of one size in all
 */
export function mergeAdapters(parts: readonly Weighted[], { rank }: { rank?: number } = {}): Adapter {
  const fail = (what: string): never => {
    throw new InputError(`merging adapters: ${what}`)
  }
  if (parts.length === 0) fail('there are none')
  for (const { weight } of parts)
    if (!Number.isFinite(weight)) fail(`a weight is ${weight}; it must be a finite number`)
  if (rank !== undefined && !(Number.isInteger(rank) && rank > 0))
    fail(`rank is ${rank}; it must be a whole number, 1 or more`)
  const updates = new Map<string, Update[]>()
  for (const { adapter, weight } of parts)
    for (const module of modulesOf(adapter)) {
      const update = updateOf(adapter, module)
      updates.set(module, [...(updates.get(module) ?? []), { ...update, scale: weight * update.scale }])
    }
  const merged = [...updates].map(([module, list]) => {
    requireAlike(list)
    const whole = list.reduce((sum, u) => sum + u.A.rank, 0)
    return { module, ...(rank === undefined || whole <= rank ? sideBySide(list, whole) : truncated(list, rank)) }
  })
  return {
    config: configFor(new Map(merged.map(({ module, A }) => [module, A.dims[0]!]))),
    tensors: new Map(
      merged.flatMap(({ module, A, B }) => [
        [tensorName(module, 'A'), A],
        [tensorName(module, 'B'), B],
      ]),
    ),
  }
}

interface Factors {
  A: Tensor
  B: Tensor
}

const empty = (rows: number, columns: number): Tensor => ({
  dims: [rows, columns],
  data: new Float32Array(rows * columns),
})

/** A = [A₁; A₂; …], B = [s₁B₁, s₂B₂, …] */
function sideBySide(updates: readonly Update[], rank: number): Factors {
  const [n, m] = [updates[0]!.A.length, updates[0]!.B.length]
  const [A, B] = [empty(rank, n), empty(m, rank)]
  let at = 0
  for (const u of updates)
    for (let i = 0; i < u.A.rank; i++, at++) {
      for (let k = 0; k < n; k++) A.data[at * n + k] = u.A.data[i * u.A.across + k * u.A.along]!
      for (let k = 0; k < m; k++) B.data[k * rank + at] = u.scale * u.B.data[i * u.B.across + k * u.B.along]!
    }
  return { A, B }
}

/** The strongest directions of the sum: B = U√Σ, A = √ΣVᵀ, so that both factors are of one size. */
function truncated(updates: readonly Update[], rank: number): Factors {
  const [n, m] = [updates[0]!.A.length, updates[0]!.B.length]
  const { left, right, cores } = commonBases(updates)
  const { U, values, V } = decompose(cores.reduce((sum, core) => sum.add(core)))
  const [A, B] = [empty(rank, n), empty(m, rank)]
  for (const [j, value] of values.slice(0, rank).entries()) {
    A.data.set(combination(right, V.getColumn(j), Math.sqrt(value), n), j * n)
    for (const [k, x] of combination(left, U.getColumn(j), Math.sqrt(value), m).entries()) B.data[k * rank + j] = x
  }
  return { A, B }
}

/** scale · Σ weight·vector */
function combination(vectors: readonly Float64Array[], weights: readonly number[], scale: number, length: number) {
  const out = new Float64Array(length)
  for (const [i, v] of vectors.entries()) for (let k = 0; k < length; k++) out[k]! += scale * weights[i]! * v[k]!
  return out
}

/** Settings with scale 1 everywhere (alpha = r): the most frequent rank, and patterns for modules of another. */
function configFor(ranks: ReadonlyMap<string, number>): Adapter['config'] {
  const counts = new Map<number, number>()
  for (const r of ranks.values()) counts.set(r, (counts.get(r) ?? 0) + 1)
  const r = [...counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most))[0]
  // `^`: a pattern also fits names that end with it after a dot, and those are not meant.
  const others = [...ranks].filter(([, rank]) => rank !== r)
  const pattern = Object.fromEntries(others.map(([name, rank]) => [`^${name.replace(/[^\w.]/g, '\\$&')}`, rank]))
  return { r, alpha: r, rslora: false, rankPattern: pattern, alphaPattern: { ...pattern } }
}
