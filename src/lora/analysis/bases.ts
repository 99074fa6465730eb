import { Matrix } from 'ml-matrix'
import { InputError, quote } from '../../errors.js'
import type { Factor, Update } from '../gram.js'

/** Updates of one module seen from bases that all of them share: ΔW = left · core · rightᵀ. */
export interface Common {
  /** p orthonormal vectors of length out. */
  left: Float64Array[]
  /** q orthonormal vectors of length in. */
  right: Float64Array[]
  /** One [p, q] for each update; p and q are at most the sum of the ranks. */
  cores: Matrix[]
}

/**
 * Brings updates of one module into common orthonormal bases. What does not change under rotation (norms, inner
 * products, singular values, angles, also those of sums and differences) can be read off the small cores: exactly, even
 * where two updates are nearly equal and Gram matrices would cancel. O((out + in)·(Σr)²); no matrix [out, in] is made.
 *
 * @throws InputError if the updates are not of one size, or hold NaN or infinity
 */
export function commonBases(updates: readonly Update[]): Common {
  requireAlike(updates)
  const left = orthonormal(updates.map(u => u.B))
  const right = orthonormal(updates.map(u => u.A))
  const cores = updates.map(({ scale }, i) =>
    product(left.coordinates[i]!, right.coordinates[i]!, left.basis.length, right.basis.length, scale),
  )
  return { left: left.basis, right: right.basis, cores }
}

/** Of a vector, what is left below this part of its length is rounding: it lies in the span of those before. */
const DEPENDENT = 1e-13

/**
 * Gram–Schmidt over the vectors of all factors, repeated for a vector that lost much of its length, which makes it as
 * orthogonal as Householder's method does (Daniel, Gragg, Kaufman, Stewart 1976). 16 vectors of 1,536 numbers take
 * 1.7 ms; ml-matrix's QR, which reads down columns, takes 7.8.
 *
 * @returns the basis, and for each factor the coordinates of its vectors
 */
function orthonormal(factors: readonly Factor[]): { basis: Float64Array[]; coordinates: number[][][] } {
  const basis: Float64Array[] = []
  const coordinates: number[][][] = []
  for (const f of factors) {
    // Equal factors get equal coordinates, to the last bit: what did not change has a difference of exactly zero.
    const twin = factors.slice(0, coordinates.length).findIndex(other => isSame(f, other))
    coordinates.push(twin >= 0 ? coordinates[twin]! : Array.from({ length: f.rank }, (_, i) => place(f, i, basis)))
  }
  return { basis, coordinates }
}

/** The coordinates of a factor's vector i in the basis, which it is added to if it does not lie in its span. */
function place(f: Factor, i: number, basis: Float64Array[]): number[] {
  const v = new Float64Array(f.length)
  for (let k = 0, at = i * f.across; k < v.length; k++, at += f.along) v[k] = f.data[at]!
  const whole = Math.sqrt(dot(v, v))
  const found: number[] = Array(basis.length).fill(0)
  let [before, rest] = [Number.POSITIVE_INFINITY, whole]
  while (rest > whole * DEPENDENT && rest < before / 2) {
    for (const [at, q] of basis.entries()) found[at]! += subtract(v, q)
    before = rest
    rest = Math.sqrt(dot(v, v))
  }
  if (rest <= whole * DEPENDENT) return found
  basis.push(v.map(x => x / rest))
  return [...found, rest]
}

const isSame = (f: Factor, g: Factor): boolean =>
  f.rank === g.rank && f.across === g.across && f.along === g.along && f.data.every((x, i) => x === g.data[i])

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0
  for (let k = 0; k < x.length; k++) sum += x[k]! * y[k]!
  return sum
}

/** Takes the part along the unit vector q out of v. @returns the length of that part */
function subtract(v: Float64Array, q: Float64Array): number {
  const c = dot(v, q)
  for (let k = 0; k < v.length; k++) v[k]! -= c * q[k]!
  return c
}

/** scale · Σ b aᵀ over pairs of vectors [p, q]; coordinates that a vector lacks are zero. */
function product(B: readonly number[][], A: readonly number[][], p: number, q: number, scale: number): Matrix {
  const core = new Matrix(p, q)
  for (const [k, b] of B.entries())
    for (const [i, x] of b.entries())
      for (const [j, y] of A[k]!.entries()) core.set(i, j, core.get(i, j) + scale * x * y)
  return core
}

/** @throws InputError if updates of a module are not of one size, or hold NaN or infinity */
export function requireAlike(updates: readonly Update[]): void {
  requireOneSize(updates)
  for (const { module, A, B } of updates)
    if (![A, B].every(f => f.data.every(Number.isFinite)))
      throw new InputError(`module ${quote(module)} of an adapter holds NaN or infinity`)
}

/** @throws InputError if updates of a module are not of one size */
export function requireOneSize(updates: readonly Update[]): void {
  const sizes = ({ A, B }: Update) => `${A.length} to ${B.length}`
  const wanted = sizes(updates[0]!)
  const other = updates.find(u => sizes(u) !== wanted)
  if (other)
    throw new InputError(
      `adapters of different models: module ${quote(other.module)} maps ${wanted} in one, ${sizes(other)} in another`,
    )
}
