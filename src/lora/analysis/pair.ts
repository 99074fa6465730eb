import { Matrix } from 'ml-matrix'
import type { AdapterModule, AdapterPair } from '../../protocol/index.js'
import { type Adapter, modulesOf, ranksOf } from '../adapter.js'
import { updateOf } from '../gram.js'
import { commonBases } from './bases.js'
import { cosine } from './distance.js'
import { pauses } from './pause.js'
import { directionsOf, type Spectrum, spectrumOf } from './spectrum.js'

/** ‖W₀‖_F by module of the base model, in its order; or why they are not known. */
export type BaseSizes = { norms: ReadonlyMap<string, number> } | { why: string }

/** An adapter by its name. */
export interface Named {
  identifier: string
  adapter: Adapter
}

/**
 * Two adapters of one model and what lies between them, module by module: what pictures of them are drawn from. A module
 * that one lacks is zero there, and so is all of no adapter (null). 210 modules of rank 8 take about a second, in which
 * other work gets its turns.
 *
 * @throws InputError if a module is not of one size in both, or a number is not finite
 */
export async function adapterPair(a: Named | null, b: Named | null, base: BaseSizes): Promise<AdapterPair> {
  const pause = pauses()
  const modules: AdapterPair['modules'] = { a: [], b: [], change: [] }
  const baseNorm = (module: string) => ('norms' in base ? (base.norms.get(module) ?? null) : null)
  const sides = [a, b].map(side => ({ side, ranks: side ? ranksOf(side.adapter) : new Map<string, number>() }))
  let product = 0
  for (const module of new Set([a, b].flatMap(side => (side ? modulesOf(side.adapter) : [])))) {
    const updates = sides.map(({ side, ranks }) => (ranks.has(module) ? updateOf(side!.adapter, module) : undefined))
    const known = updates.filter(update => update !== undefined)
    const { cores } = commonBases(known)
    const [x, y] = updates.map(update => update && cores[known.indexOf(update)]!)
    const row = (of: Spectrum, rank: number | null) => rowOf(module, of, rank, baseNorm(module))
    for (const [i, name] of (['a', 'b'] as const).entries())
      if (updates[i])
        modules[name].push(row(spectrumOf([x, y][i]!, directionsOf([updates[i]])), sides[i]!.ranks.get(module)!))
    const change = x && y ? Matrix.sub(y, x) : (x ?? y)!
    modules.change.push(row(spectrumOf(change, directionsOf(known)), null))
    if (x && y) product += Matrix.mul(x, y).sum()
    await pause()
  }
  const total = (rows: readonly AdapterModule[]) => Math.hypot(...rows.map(({ norm }) => norm))
  const norms = { a: total(modules.a), b: total(modules.b), change: total(modules.change) }
  return {
    ...{ a: a?.identifier ?? null, b: b?.identifier ?? null, norms, modules },
    cosine: cosine(product, norms.a, norms.b),
    all: 'norms' in base ? [...base.norms.keys()] : null,
    baseWhy: 'why' in base ? base.why : null,
  }
}

const rowOf = (
  module: string,
  { norm, stableRank, effectiveRank, values }: Spectrum,
  rank: number | null,
  baseNorm: number | null,
): AdapterModule => ({
  ...{ module, norm, baseNorm, rank, effectiveRank },
  strongest: stableRank === null ? null : 1 / stableRank,
  // For a picture: six digits are more than enough.
  values: values.map(value => Number(value.toPrecision(6))),
})
