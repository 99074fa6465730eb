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

/** The bits of the nearest IEEE 754 binary16 of every number: 11 bits of precision, ±65504, ties to even. */
export function toHalf(data: Float32Array): Uint16Array {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length)
  return Uint16Array.from(bits, halfBits)
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const size = bits & 0x7fffffff
  // NaN stays NaN; from 65520 on everything is infinite.
  if (size >= 0x7f800001) return sign | 0x7e00
  if (size >= 0x477ff000) return sign | 0x7c00
  // Below 2⁻¹⁴ the exponent is fixed and the fraction counts 2⁻²⁴.
  if (size < 0x38800000) {
    const shift = 126 - (size >>> 23)
    if (shift > 24) return sign
    return sign | roundShift((size & 0x7fffff) | 0x800000, shift)
  }
  return sign | roundShift(size - 0x38000000, 13)
}

/** x / 2ⁿ, rounded to the nearest integer, to the even one of two. */
function roundShift(x: number, n: number): number {
  const whole = x >>> n
  const rest = x & ((1 << n) - 1)
  const half = 1 << (n - 1)
  return whole + (rest > half || (rest === half && (whole & 1) === 1) ? 1 : 0)
}

/** Numbers from their bits as IEEE 754 binary16, as runtimes hand them out: some as numbers of that type already. */
export function fromHalf(data: ArrayLike<unknown>): Float32Array {
  return data instanceof Uint16Array ? Float32Array.from(data, half) : Float32Array.from(data as ArrayLike<number>)
}

/** The number with these bits: sign, 5 bits of exponent, 10 bits of fraction. */
export function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : (2 ** -14 * fraction) / 1024)
}
