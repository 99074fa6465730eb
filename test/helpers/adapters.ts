import { type Adapter, type AdapterConfig, scaleOf } from '../../src/lora/adapter.js'
import { tensorName } from '../../src/rules/lora.js'
import { random } from '../../src/tensor.js'

/** Sizes of a module: ΔW [m, n] of rank r. */
export interface Sizes {
  m: number
  n: number
  r: number
}

/** An adapter with normal numbers in both factors of every module. */
export function randomAdapter(
  modules: Readonly<Record<string, Sizes>>,
  seed: number,
  config: Partial<AdapterConfig> = {},
): Adapter {
  const rng = random(seed)
  const normal = (rows: number, columns: number) => ({
    dims: [rows, columns],
    data: Float32Array.from({ length: rows * columns }, () => rng.normal()),
  })
  const r = Object.values(modules)[0]!.r
  const rankPattern = Object.fromEntries(
    Object.entries(modules).flatMap(([name, sizes]) => (sizes.r === r ? [] : [[name, sizes.r]])),
  )
  return {
    config: { r, alpha: 16, rslora: false, rankPattern, alphaPattern: {}, ...config },
    tensors: new Map(
      Object.entries(modules).flatMap(([name, { m, n, r }]) => [
        [tensorName(name, 'A'), normal(r, n)],
        [tensorName(name, 'B'), normal(m, r)],
      ]),
    ),
  }
}

/** The 210 modules of SmolLM2-135M, rank 8: 2.4 million parameters. */
export const SMOLLM2_MODULES: Readonly<Record<string, Sizes>> = Object.fromEntries(
  Array.from({ length: 30 }, (_, layer) =>
    (
      [
        ['self_attn.q_proj', 576, 576],
        ['self_attn.k_proj', 192, 576],
        ['self_attn.v_proj', 192, 576],
        ['self_attn.o_proj', 576, 576],
        ['mlp.gate_proj', 1536, 576],
        ['mlp.up_proj', 1536, 576],
        ['mlp.down_proj', 576, 1536],
      ] as const
    ).map(([kind, m, n]) => [`model.layers.${layer}.${kind}`, { m, n, r: 8 }] as const),
  ).flat(),
)

/** ΔW = scale·B·A of a module, every number of it, row by row [m, n]: what the functions under test never make. */
export function dense(adapter: Adapter, module: string): Float64Array {
  const A = adapter.tensors.get(tensorName(module, 'A'))!
  const B = adapter.tensors.get(tensorName(module, 'B'))!
  const [r, n] = A.dims as [number, number]
  const m = B.dims[0]!
  const scale = scaleOf(adapter.config, module)
  return Float64Array.from({ length: m * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n]
    let sum = 0
    for (let k = 0; k < r; k++) sum += B.data[i * r + k]! * A.data[k * n + j]!
    return scale * sum
  })
}

export const norm = (x: ArrayLike<number>): number => Math.sqrt(Array.from(x).reduce((sum, v) => sum + v * v, 0))

export const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
  Array.from(x).reduce((sum, v, i) => sum + v * y[i]!, 0)
