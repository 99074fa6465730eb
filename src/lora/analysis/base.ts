import { Matrix, SingularValueDecomposition } from 'ml-matrix'
import type { Update } from '../gram.js'
import { commonBases } from './bases.js'
import { decompose } from './spectrum.js'

/** The base weights W₀ of a module [out, in]. */
interface BaseWeights {
  dims: readonly number[]
  data: ArrayLike<number>
}

/**
 * ‖ΔW‖_F/‖UᵀW₀V‖_F, U and V the singular directions of ΔW (Hu et al. 2021, section 7.3): how many times as large the
 * update is as what the base weights do in the same directions. Large: it amplifies what the model hardly used.
 *
 * @returns null if ΔW = 0, or if the base weights do nothing at all in these directions
 */
export function amplification(update: Update, W0: BaseWeights): number | null {
  const { left, right, cores } = commonBases([update])
  const { U, values, V } = decompose(cores[0]!)
  const base = U.transpose()
    .mmul(between(left, W0, right))
    .mmul(V)
    .norm()
  return values.length > 0 && base > 0 ? Math.hypot(...values) / base : null
}

/** leftᵀ·W·right [p, q] */
function between(left: readonly Float64Array[], W: BaseWeights, right: readonly Float64Array[]): Matrix {
  const [rows, columns] = W.dims as [number, number]
  const out = new Matrix(left.length, right.length)
  for (let i = 0; i < rows; i++)
    for (const [q, v] of right.entries()) {
      let sum = 0
      for (let j = 0; j < columns; j++) sum += W.data[i * columns + j]! * v[j]!
      for (const [p, u] of left.entries()) out.set(p, q, out.get(p, q) + u[i]! * sum)
    }
  return out
}

/**
 * For each of the strongest left singular vectors of W₀ + ΔW, the largest |cosine| with any of W₀'s. One below a
 * threshold (0.5, say) is an intruder dimension, a direction that the base model does not have (Shuttleworth et al.
 * 2024, arXiv 2410.21228). Decomposes two whole matrices: some seconds for [576, 576].
 *
 * @param count of the tuned vectors, strongest first; all of them without it
 */
export function directionMatches(update: Update, W0: BaseWeights, count = Math.min(...W0.dims)): number[] {
  const [rows, columns] = W0.dims as [number, number]
  const base = Matrix.from1DArray(rows, columns, W0.data)
  const { A, B, scale } = update
  const tuned = base.clone()
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      for (let k = 0; k < A.rank; k++)
        tuned.set(i, j, tuned.get(i, j) + scale * B.data[i * B.along + k]! * A.data[k * A.across + j]!)
  const vectors = (m: Matrix) =>
    new SingularValueDecomposition(m, { autoTranspose: true, computeRightSingularVectors: false }).leftSingularVectors
  const cosines = Matrix.abs(vectors(base).transpose().mmul(vectors(tuned)))
  return Array.from({ length: Math.min(count, cosines.columns) }, (_, j) => Math.max(...cosines.getColumn(j)))
}
