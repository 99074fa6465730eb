import { Matrix, SingularValueDecomposition } from 'ml-matrix'
import type { Update } from '../gram.js'
import { commonBases } from './bases.js'

/** How an update, or the difference of two, spreads over directions. None of these depend on how it is factored. */
export interface Spectrum {
  /** Singular values σ of ΔW, largest first; min(rank, out, in) of them, the rest of ΔW's are zero. */
  values: number[]
  /** ‖ΔW‖_F = √Σσ² */
  norm: number
  /** ‖ΔW‖_F²/σ₁², from 1 (one direction) to the rank (all alike); its inverse is the strongest direction's share. Null if ΔW = 0. */
  stableRank: number | null
  /** exp(−Σ pᵢ ln pᵢ), pᵢ = σᵢ/Σσ (Roy and Vetterli 2007), from 1 to the rank. Null if ΔW = 0. */
  effectiveRank: number | null
  /** The fewest directions that hold 90 % of Σσ²; 0 if ΔW = 0. */
  energyRank: number
}

/** The spectrum of one module's update ΔW. */
export function spectrum(update: Update): Spectrum {
  const { cores } = commonBases([update])
  return spectrumOf(cores[0]!, directionsOf([update]))
}

/** min(Σrank, out, in): the most singular values of a sum of updates that can differ from zero. */
export const directionsOf = (updates: readonly Update[]): number =>
  Math.min(
    updates.reduce((sum, u) => sum + u.A.rank, 0),
    updates[0]!.A.length,
    updates[0]!.B.length,
  )

/** @param count singular values to give; those that the core has not are zero */
export function spectrumOf(core: Matrix, count: number): Spectrum {
  const found = decompose(core).values
  const values = Array.from({ length: count }, (_, i) => found[i] ?? 0)
  const energy = values.reduce((sum, s) => sum + s * s, 0)
  const nuclear = values.reduce((sum, s) => sum + s, 0)
  const entropy = values.reduce((sum, s) => sum - (s > 0 ? (s / nuclear) * Math.log(s / nuclear) : 0), 0)
  let [energyRank, held] = [0, 0]
  while (held < 0.9 * energy) held += values[energyRank++]! ** 2
  return {
    values,
    norm: Math.sqrt(energy),
    stableRank: energy > 0 ? energy / values[0]! ** 2 : null,
    effectiveRank: energy > 0 ? Math.exp(entropy) : null,
    energyRank,
  }
}

/** Singular vectors as columns, and singular values, largest first. */
export interface Decomposition {
  U: Matrix
  values: number[]
  V: Matrix
}

/** Singular values below this part of the largest are rounding. */
const ROUNDING = 1e-13

/** C [p, q] = U·diag(σ)·Vᵀ, of as many directions as C has: those whose σ is more than rounding. */
export function decompose(C: Matrix): Decomposition {
  if (C.isEmpty()) return { U: new Matrix(C.rows, 0), values: [], V: new Matrix(C.columns, 0) }
  const { diagonal, leftSingularVectors, rightSingularVectors } = new SingularValueDecomposition(C, {
    autoTranspose: true,
  })
  const values = diagonal.filter(s => s > ROUNDING * diagonal[0]!)
  const some = (m: Matrix) => m.subMatrixColumn(values.map((_, i) => i))
  return { U: some(leftSingularVectors), values, V: some(rightSingularVectors) }
}
