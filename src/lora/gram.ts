import { tensorName } from '../rules/lora.js'
import { type Adapter, scaleOf } from './adapter.js'

/**
 * One factor of an update as R vectors, read where they lie: number `k` of vector `i` is `data[i * across + k * along]`.
 * A's vectors are its rows [R, in], B's its columns [out, R].
 */
export interface Factor {
  rank: number
  length: number
  data: Float32Array | Float64Array
  across: number
  along: number
}

/** The update of one module, ΔW = scale·B·A [out, in]. */
export interface Update {
  module: string
  A: Factor
  B: Factor
  scale: number
}

/** @param module one that the adapter holds */
export function updateOf(adapter: Adapter, module: string): Update {
  const A = adapter.tensors.get(tensorName(module, 'A'))!
  const B = adapter.tensors.get(tensorName(module, 'B'))!
  const [r, into] = A.dims as [number, number]
  return {
    module,
    A: { rank: r, length: into, data: A.data, across: into, along: 1 },
    B: { rank: r, length: B.dims[0]!, data: B.data, across: 1, along: r },
    scale: scaleOf(adapter.config, module),
  }
}

/** Products of all vectors of x with all of y, of one length, summed in Float64 [x.rank, y.rank]. */
export function gram(x: Factor, y: Factor = x): Float64Array {
  const [rows, columns] = [x.rank, y.rank]
  const out = new Float64Array(rows * columns)
  // In tiles of 4 x 2: eight products of six numbers read. A product of x with itself is symmetric.
  for (let i = 0; i < rows; i += 4)
    for (let j = x === y ? i : 0; j < columns; j += 2) {
      tile(x, y, i, j)
      for (let a = i; a < Math.min(i + 4, rows); a++)
        for (let b = j; b < Math.min(j + 2, columns); b++) {
          out[a * columns + b] = sums[(a - i) * 2 + b - j]!
          if (x === y) out[b * columns + a] = sums[(a - i) * 2 + b - j]!
        }
    }
  return out
}

const sums = new Float64Array(8)

/** Fills `sums` [4, 2] with the products of x's vectors i … i+3 and y's j, j+1; past the end the last one is taken. */
function tile(x: Factor, y: Factor, i: number, j: number): void {
  const p = x.data
  const q = y.data
  const n = x.length
  const stepX = x.along
  const stepY = y.along
  const x0 = i * x.across
  const x1 = Math.min(i + 1, x.rank - 1) * x.across
  const x2 = Math.min(i + 2, x.rank - 1) * x.across
  const x3 = Math.min(i + 3, x.rank - 1) * x.across
  const y0 = j * y.across
  const y1 = Math.min(j + 1, y.rank - 1) * y.across
  let a0 = 0
  let a1 = 0
  let b0 = 0
  let b1 = 0
  let c0 = 0
  let c1 = 0
  let d0 = 0
  let d1 = 0
  for (let k = 0, u = 0, v = 0; k < n; k++, u += stepX, v += stepY) {
    const a = p[x0 + u]!
    const b = p[x1 + u]!
    const c = p[x2 + u]!
    const d = p[x3 + u]!
    const e = q[y0 + v]!
    const f = q[y1 + v]!
    a0 += a * e
    a1 += a * f
    b0 += b * e
    b1 += b * f
    c0 += c * e
    c1 += c * f
    d0 += d * e
    d1 += d * f
  }
  sums.set([a0, a1, b0, b1, c0, c1, d0, d1])
}

/**
 * ⟨ΔW₁, ΔW₂⟩ = s₁s₂ Σ (B₁ᵀB₂)∘(A₁A₂ᵀ), the inner product of two updates of one module; ranks may differ. No matrix of
 * the module's size is made. The error is about 1e-16 of ‖s₁B₁‖‖A₁‖‖s₂B₂‖‖A₂‖.
 */
export function inner(x: Update, y: Update = x): number {
  const same = x === y
  const [a, b] = same ? [gram(x.A), gram(x.B)] : [gram(x.A, y.A), gram(x.B, y.B)]
  return x.scale * y.scale * a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}
