import { Matrix } from 'ml-matrix'
import { InputError, quote } from '../../errors.js'
import { type Adapter, modulesOf } from '../adapter.js'
import { updateOf } from '../gram.js'
import { moduleNorms } from '../norms.js'
import { commonBases } from './bases.js'
import { cosine } from './distance.js'
import { directionsOf, type Spectrum, spectrumOf } from './spectrum.js'
import { similarities } from './subspace.js'

/** ΔW of one module in two adapters a and b, and what lies between them. */
export interface ModuleComparison {
  module: string
  a: Spectrum
  b: Spectrum
  /** Of ΔW_b − ΔW_a; its norm is the distance of the two. */
  change: Spectrum
  /** ⟨ΔW_a, ΔW_b⟩/(‖ΔW_a‖‖ΔW_b‖) in [−1, 1]; null if either is zero. */
  cosine: number | null
  /**
   * How much of the smaller of the two spaces of directions lies in the other, 0 to 1: φ over all directions, among the
   * module's outputs (left) and inputs (right). Null if either update is zero.
   */
  overlap: { left: number; right: number } | null
}

/** Two adapters of one model. */
export interface AdapterComparison {
  /** Modules that both have, in the order of a's tensors. */
  modules: ModuleComparison[]
  /** Modules that one of them lacks: there its ΔW is zero. */
  onlyA: string[]
  onlyB: string[]
  /** All modules as one vector, those that only one has among them: ‖ΔW_a‖, ‖ΔW_b‖, ‖ΔW_b − ΔW_a‖. */
  norms: { a: number; b: number; change: number }
  /** Of all modules; null if either adapter is zero. */
  cosine: number | null
  /** ‖ΔW_b − ΔW_a‖/‖ΔW_a‖; null if a is zero. */
  relativeChange: number | null
}

/**
 * What lies between two adapters of one model, from their factors in Float64, as a whole and module by module.
 * Factors themselves are never compared: (B, A) and (BM, M⁻¹A) are one update.
 *
 * @throws InputError if they have no module in common, a module is not of one size in both, or a number is not finite
 */
export function compareAdapters(a: Adapter, b: Adapter): AdapterComparison {
  const [inA, inB] = [modulesOf(a), modulesOf(b)]
  const [setA, setB] = [new Set(inA), new Set(inB)]
  const common = inA.filter(m => setB.has(m))
  if (common.length === 0)
    throw new InputError(
      `comparing adapters: they have no module in common; one has ${some(inA)}, the other ${some(inB)}`,
    )
  const compared = common.map(module => compareModule(a, b, module))
  const modules = compared.map(c => c.comparison)
  const [onlyA, onlyB] = [inA.filter(m => !setB.has(m)), inB.filter(m => !setA.has(m))]
  const alone = (adapter: Adapter, names: string[]) => {
    const norms = moduleNorms(adapter)
    return names.map(name => norms.get(name)!)
  }
  const [aloneA, aloneB] = [alone(a, onlyA), alone(b, onlyB)]
  const norms = {
    a: Math.hypot(...modules.map(m => m.a.norm), ...aloneA),
    b: Math.hypot(...modules.map(m => m.b.norm), ...aloneB),
    change: Math.hypot(...modules.map(m => m.change.norm), ...aloneA, ...aloneB),
  }
  const product = compared.reduce((sum, c) => sum + c.product, 0)
  return {
    modules,
    onlyA,
    onlyB,
    norms,
    cosine: cosine(product, norms.a, norms.b),
    relativeChange: norms.a > 0 ? norms.change / norms.a : null,
  }
}

function compareModule(a: Adapter, b: Adapter, module: string): { comparison: ModuleComparison; product: number } {
  const [x, y] = [updateOf(a, module), updateOf(b, module)]
  const [p, q] = commonBases([x, y]).cores as [Matrix, Matrix]
  const comparison = {
    module,
    a: spectrumOf(p, directionsOf([x])),
    b: spectrumOf(q, directionsOf([y])),
    change: spectrumOf(Matrix.sub(q, p), directionsOf([x, y])),
  }
  const product = Matrix.mul(p, q).sum()
  const { left, right } = similarities(p, q)
  const last = (phi: number[][]) => phi.at(-1)!.at(-1)!
  const similar = cosine(product, comparison.a.norm, comparison.b.norm)
  const overlap = similar === null ? null : { left: last(left.phi), right: last(right.phi) }
  return { comparison: { ...comparison, cosine: similar, overlap }, product }
}

const some = (names: readonly string[]): string => `${names.slice(0, 3).map(quote).join(', ')} (${names.length} in all)`
