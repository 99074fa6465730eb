import { type Adapter, modulesOf } from './adapter.js'
import { inner, updateOf } from './gram.js'

/**
 * ‖ΔW‖_F of every module, in the order of the adapter's tensors: how far it moves each weight matrix. Made from Gram
 * matrices of the factors, fast enough for every step of a run; norms below 1e-8 of ‖scale·B‖‖A‖ (factors that cancel
 * each other) are not exact, use the spectrum for those.
 */
export const moduleNorms = (adapter: Adapter): Map<string, number> =>
  new Map(
    modulesOf(adapter).map(module => {
      // Rounding may leave a sum of squares below zero.
      return [module, Math.sqrt(Math.max(0, inner(updateOf(adapter, module))))]
    }),
  )

/** ‖ΔW‖_F over all modules together, from their norms. */
export const totalNorm = (norms: ReadonlyMap<string, number>): number => Math.hypot(...norms.values())
