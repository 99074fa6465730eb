import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { amplification, directionMatches } from '../../../src/lora/analysis/base.js'
import { commonBases } from '../../../src/lora/analysis/bases.js'
import { directionsOf, spectrum, spectrumOf } from '../../../src/lora/analysis/spectrum.js'
import { subspaces } from '../../../src/lora/analysis/subspace.js'
import { inner, type Update } from '../../../src/lora/gram.js'
import { fixture } from '../../helpers/fixtures.js'

/*
 * Values computed by NumPy in float64 along two ways, through the factors and through the whole matrices, which agreed.
 * Everything here is also float64, so results agree but for rounding: 1e-12 of the largest number involved.
 */

interface Factors {
  /** [r, in] */
  A: number[][]
  /** [out, r] */
  B: number[][]
  scale: number
}

type Pair = { x: Factors; y: Factors; phi_left: number[][]; phi_right: number[][] } & Record<string, number> &
  Record<`singular_${'x' | 'y' | 'diff'}` | `principal_angles_${'left' | 'right'}_rad`, number[]>

const vectors = JSON.parse(readFileSync(fixture('lora_diff_vectors.json'), 'utf8')) as {
  pairs: Pair[]
  intruder: {
    W0: number[][]
    x: Factors
    max_abs_cos_of_each_tuned_left_vector: number[]
    counts: Record<string, number>
  }
}

const update = ({ A, B, scale }: Factors): Update => ({
  module: 'm',
  A: { rank: A.length, length: A[0]!.length, data: Float64Array.from(A.flat()), across: A[0]!.length, along: 1 },
  B: { rank: A.length, length: B.length, data: Float64Array.from(B.flat()), across: 1, along: A.length },
  scale,
})

const close = (found: number[], wanted: number[], tolerance = 1e-12) => {
  const largest = Math.max(...wanted.map(Math.abs), 1)
  expect(found).toHaveLength(wanted.length)
  for (const [i, x] of found.entries()) expect(Math.abs(x - wanted[i]!)).toBeLessThanOrEqual(tolerance * largest)
}

describe.each(vectors.pairs.map((pair, i) => [i, pair] as const))('pair %d', (_, pair) => {
  const [x, y] = [update(pair.x), update(pair.y)]

  test('norms, inner product, cosine, distance', () => {
    const [a, b] = [spectrum(x), spectrum(y)]
    close([a.norm, b.norm, inner(x, y)], [pair.fro_x!, pair.fro_y!, pair.inner!])
    close([Math.sqrt(inner(x)), Math.sqrt(inner(y))], [pair.fro_x!, pair.fro_y!])
    close([inner(x, y) / a.norm / b.norm], [pair.cosine!])
    const gram = Math.sqrt(inner(x) + inner(y) - 2 * inner(x, y))
    close([gram, gram / a.norm], [pair.fro_diff!, pair.rel_change!])
  })

  test('spectra and what is read off them', () => {
    const a = spectrum(x)
    close(a.values, pair.singular_x)
    close(spectrum(y).values, pair.singular_y)
    const [p, q] = commonBases([x, y]).cores
    const change = spectrumOf(q!.clone().sub(p!), directionsOf([x, y]))
    close(change.values, pair.singular_diff)
    close([change.norm], [pair.fro_diff!])
    close(
      [a.values[0]!, a.values.reduce((sum, s) => sum + s), a.stableRank!, a.effectiveRank!],
      [pair.spectral_x!, pair.nuclear_x!, pair.stable_rank_x!, pair.effective_rank_x!],
    )
    expect(a.energyRank).toBe(pair.energy90_rank_x)
  })

  test('subspaces', () => {
    const { left, right } = subspaces(x, y)
    close(left.phi.flat(), pair.phi_left.flat())
    close(right.phi.flat(), pair.phi_right.flat())
    // The arc cosine of a number within 1e-16 of 1 is known to √(2·1e-16): shared directions come out as 1.5e-8.
    close(left.angles, pair.principal_angles_left_rad, 3e-8)
    close(right.angles, pair.principal_angles_right_rad, 3e-8)
    close([left.geodesic, left.projection], [pair.grassmann_geodesic_left!, pair.projection_metric_left!], 3e-8)
  })
})

test('intruder dimensions', () => {
  const { W0, x, max_abs_cos_of_each_tuned_left_vector: wanted, counts } = vectors.intruder
  const base = { dims: [W0.length, W0[0]!.length], data: W0.flat() }
  const matches = directionMatches(update(x), base)
  close(matches, wanted)
  for (const [name, count] of Object.entries(counts)) {
    const [, k, eps] = /^k=(\d+),eps=(.*)$/.exec(name)!
    expect(
      matches.slice(0, Number(k)).filter(c => c < Number(eps)),
      name,
    ).toHaveLength(count)
  }
  expect(directionMatches(update(x), base, 3)).toEqual(matches.slice(0, 3))
})

test('amplification is the size of an update over that of the base weights in its directions', () => {
  // ΔW = 6·e₁e₂ᵀ, W₀'s number there is 2: U = e₁, V = e₂, |UᵀW₀V| = 2.
  const x = update({ A: [[0, 3, 0]], B: [[1], [0]], scale: 2 })
  expect(amplification(x, { dims: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) })).toBeCloseTo(3, 12)
  expect(amplification(x, { dims: [2, 3], data: new Float32Array(6) })).toBeNull()
  expect(amplification({ ...x, scale: 0 }, { dims: [2, 3], data: new Float32Array(6).fill(1) })).toBeNull()
})
