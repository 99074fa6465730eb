import type { Matrix } from 'ml-matrix'
import type { Update } from '../gram.js'
import { commonBases } from './bases.js'
import { decompose } from './spectrum.js'

/** How two spaces of directions lie to each other. */
export interface SubspaceSimilarity {
  /**
   * φ(i, j) = ‖U₁[:, :i]ᵀU₂[:, :j]‖_F²/min(i, j) at `[i - 1][j - 1]` (Hu et al. 2021, section 7.2): how much of the
   * smaller of two spaces of strongest directions lies in the other, from 0 (nothing) to 1 (all).
   */
  phi: number[][]
  /** The p principal angles θ, smallest first [rad], from 0 to π/2; exact to about 2e-8. */
  angles: number[]
  /** Grassmann distance ‖θ‖₂, the length of the shortest way from one space to the other [rad]. */
  geodesic: number
  /** Projection metric √(p − Σcos²θ). */
  projection: number
}

/**
 * Compares the directions that two updates of one module write to (left: singular vectors among the module's outputs)
 * and those that they read from (right: among its inputs). An update of zero has no directions: no φ, no angles.
 *
 * @throws InputError if the updates are not of one size, or hold NaN or infinity
 */
export function subspaces(x: Update, y: Update): { left: SubspaceSimilarity; right: SubspaceSimilarity } {
  const { cores } = commonBases([x, y])
  return similarities(cores[0]!, cores[1]!)
}

/** The same from cores in common bases. */
export function similarities(x: Matrix, y: Matrix): { left: SubspaceSimilarity; right: SubspaceSimilarity } {
  const [a, b] = [decompose(x), decompose(y)]
  return { left: similarity(a.U, b.U), right: similarity(a.V, b.V) }
}

/** @param U,W orthonormal columns, the strongest direction first */
function similarity(U: Matrix, W: Matrix): SubspaceSimilarity {
  const p = Math.min(U.columns, W.columns)
  const products = U.transpose().mmul(W)
  const found = decompose(products).values
  const cosines = Array.from({ length: p }, (_, i) => Math.min(1, found[i] ?? 0))
  const angles = cosines.map(Math.acos)
  return {
    phi: phi(products),
    angles,
    geodesic: Math.hypot(...angles),
    projection: Math.sqrt(cosines.reduce((left, c) => left - c * c, p)),
  }
}

function phi(products: Matrix): number[][] {
  const out: number[][] = []
  for (let i = 0; i < products.rows; i++) {
    let row = 0
    out.push(
      Array.from({ length: products.columns }, (_, j) => {
        row += products.get(i, j) ** 2
        const above = i > 0 ? out[i - 1]![j]! * Math.min(i, j + 1) : 0
        return (above + row) / Math.min(i + 1, j + 1)
      }),
    )
  }
  return out
}
