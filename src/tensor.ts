import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Element types this project computes with or passes through, by their ONNX names. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'uint8'
  | 'int32'
  | 'int64'
  | 'bool'
  | 'uint4'
  | 'int4'

/** Bytes per element; the four-bit types pack two elements into a byte. */
export const BYTES: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  uint8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  uint4: 0.5,
  int4: 0.5,
}

/** A dense float32 tensor in row-major order: what adapters, logits and gradients are made of. */
export interface Tensor {
  readonly dims: readonly number[]
  readonly data: Float32Array
}

/** Number of elements of a tensor with these dims; 1 for a scalar. */
export const sizeOf = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1)

/** Seeded numbers: the same seed gives the same sequence on every machine. */
export interface Random {
  /** A number in [0, 1). */
  uniform(): number
  /** An integer in [0, n). */
  below(n: number): number
  /** A standard normal number. */
  normal(): number
}

/** @param seed any integer; only its lowest 32 bits count */
export function random(seed: number): Random {
  const generator = xoroshiro128plus(mix(seed | 0))
  const uniform = () => uniformFloat64(generator)
  return {
    uniform,
    below: n => Math.floor(uniform() * n),
    // Box–Muller; 1 − u is in (0, 1], so the logarithm is finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  }
}

/** The seed of part `index` of something seeded with `seed`: neighbouring parts get unrelated sequences. */
export const seedOf = (seed: number, index: number): number => mix(mix(seed | 0) + Math.imul(index + 1, 0x9e3779b9))

/** Finalizer of MurmurHash3: every input bit changes about half of the 32 output bits. */
function mix(x: number): number {
  let h = x | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) | 0
}

/** `items` in a random order (Fisher–Yates); the input is left alone. */
export function shuffle<T>(items: readonly T[], rng: Random): T[] {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = rng.below(i + 1)
    ;[out[i], out[j]] = [out[j]!, out[i]!]
  }
  return out
}
