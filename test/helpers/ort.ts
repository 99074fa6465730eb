import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Graph } from '../../src/graph/graph.js'
import { writeOnnx } from '../../src/onnx/write.js'
import { random, sizeOf } from '../../src/tensor.js'

type Data = Float64Array | Float32Array | BigInt64Array

export interface Feed<D extends Data = Float64Array> {
  dims: readonly number[]
  data: D
}

const DTYPE = { Float64Array: 'float64', Float32Array: 'float32', BigInt64Array: 'int64' } as const

/**
 * A session for a graph, or for the bytes of an .onnx file, with none of the runtime's own rewrites.
 *
 * @param weights folder of the constants that lie in files
 */
export const open = (graph: Graph | Uint8Array, weights?: string): Promise<InferenceSession> =>
  InferenceSession.create(graph instanceof Uint8Array ? graph : writeOnnx(graph), {
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 3,
    ...(weights && { extra: { session: { model_external_initializers_file_folder_path: weights } } }),
  })

export async function runIn<D extends Data = Float64Array>(
  session: InferenceSession,
  feeds: Record<string, Feed<Data>>,
): Promise<Record<string, Feed<D>>> {
  const tensors = Object.entries(feeds).map(([name, { dims, data }]) => {
    const dtype = DTYPE[data.constructor.name as keyof typeof DTYPE]
    return [name, new Tensor(dtype, data as Float64Array, dims)] as const
  })
  const outputs = await session.run(Object.fromEntries(tensors))
  return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, { dims: t.dims, data: t.data as D }]))
}

/** Runs a graph once. */
export async function run<D extends Data = Float64Array>(
  graph: Graph | Uint8Array,
  feeds: Record<string, Feed<Data>>,
  weights?: string,
): Promise<Record<string, Feed<D>>> {
  const session = await open(graph, weights)
  try {
    return await runIn<D>(session, feeds)
  } finally {
    await session.release()
  }
}

/** Seeded values, evenly spread over [from, to). */
export function uniform(dims: readonly number[], seed: number, [from, to]: readonly number[] = [-1, 1]): Feed {
  const rng = random(seed)
  return { dims, data: Float64Array.from({ length: sizeOf(dims) }, () => from! + (to! - from!) * rng.uniform()) }
}

export const scalar = (x: number): Feed => ({ dims: [], data: Float64Array.of(x) })

export const int64 = (values: readonly number[], dims: readonly number[] = [values.length]): Feed<BigInt64Array> => ({
  dims,
  data: BigInt64Array.from(values, BigInt),
})

export const dot = (a: Feed, b: Feed): number => a.data.reduce((sum, x, i) => sum + x * b.data[i]!, 0)

/** a + k·b */
export const along = (a: Feed, b: Feed, k: number): Feed => ({
  dims: a.dims,
  data: a.data.map((x, i) => x + k * b.data[i]!),
})
