import type { Adapter } from '../adapter.js'
import { adapterDistance, adapterInnerProduct, cosine } from './distance.js'

/** One adapter on the way: how far it is from the base model, how far from the one before, and which way it went. */
export interface PathStep {
  /** ‖ΔW_t‖ */
  norm: number
  /** ‖ΔW_t − ΔW_{t−1}‖ */
  step: number
  /** Cosine of this step and the one before: 1 straight on, −1 back. */
  turn: number | null
  /** Cosine of this step and the way from the start to t − 1: above 0 it adds to what was learned, below it undoes it. */
  onward: number | null
}

/** The way of an adapter through a lineage ΔW_0 … ΔW_T. Cosines are null where a length is zero or too small to tell. */
export interface AdapterPath {
  /** One for each of t = 1 … T. */
  steps: PathStep[]
  /** Σ‖ΔW_t − ΔW_{t−1}‖ */
  length: number
  /** ‖ΔW_T − ΔW_0‖ */
  net: number
  /** net/length, from 0 (back where it began) to 1 (straight); null if nothing moved. */
  directness: number | null
}

/** Below this product of two lengths, in parts of ‖ΔW‖², the products of Gram matrices say nothing of their angle. */
const TOO_SMALL = 1e-12

/**
 * How an adapter moved along a lineage: after every example of a run, say. Read one after the other, so that a long
 * lineage need not be in memory; each costs four products of factors (about 0.1 s for 2.4 million parameters).
 *
 * @param lineage null is the base model without an adapter, ΔW = 0: where most runs begin
 * @throws InputError if a module is not of one size in all
 */
export function adapterPath(lineage: Iterable<Adapter | null>): AdapterPath {
  const steps: PathStep[] = []
  let start: Known | undefined
  let before: Known | undefined
  let now: Known | undefined
  let net = 0
  for (const adapter of lineage) {
    const next: Known = {
      adapter,
      square: adapterInnerProduct(adapter, adapter),
      withBefore: adapterInnerProduct(adapter, now?.adapter ?? null),
      withStart: adapterInnerProduct(adapter, start?.adapter ?? null),
    }
    if (start && now) {
      const step = adapterDistance(adapter, now.adapter, [next.square, now.square, next.withBefore])
      const last = steps.at(-1)
      // ⟨t − (t−1), (t−1) − u⟩, u the one before that, or the start
      const stay = now.square
      const along = (withU: number, nowWithU: number) => next.withBefore - withU - stay + nowWithU
      const angle = (product: number, length: number) =>
        step * length > TOO_SMALL * Math.max(next.square, stay) ? cosine(product, step, length) : null
      steps.push({
        norm: Math.sqrt(Math.max(0, next.square)),
        step,
        turn:
          last && before ? angle(along(adapterInnerProduct(adapter, before.adapter), now.withBefore), last.step) : null,
        onward: angle(along(next.withStart, now.withStart), net),
      })
      net = adapterDistance(adapter, start.adapter, [next.square, start.square, next.withStart])
    }
    before = now
    now = start ? next : { ...next, withStart: next.square }
    start ??= now
  }
  const length = steps.reduce((sum, s) => sum + s.step, 0)
  return { steps, length, net, directness: length > 0 ? net / length : null }
}

/** An adapter of the lineage and its products with itself, the one before it and the first one. */
interface Known {
  adapter: Adapter | null
  square: number
  withBefore: number
  withStart: number
}
