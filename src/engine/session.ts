import { InferenceSession, listSupportedBackends, Tensor as OrtTensor } from 'onnxruntime-node'
import { HarnessError, messageOf } from '../errors.js'
import type { Graph } from '../graph/graph.js'
import { writeOnnx } from '../onnx/write.js'

/** The only file that knows ONNX Runtime. */
export type Feeds = Record<string, OrtTensor>
export type Session = InferenceSession

export const float32 = (data: Float32Array, dims: readonly number[]): OrtTensor => new OrtTensor('float32', data, dims)
export const float64 = (data: Float64Array, dims: readonly number[]): OrtTensor => new OrtTensor('float64', data, dims)
export const scalar = (x: number): OrtTensor => float32(Float32Array.of(x), [])
/** Indices and token ids; every integer up to 2^53 is exact. */
export const int64 = (data: readonly number[], dims: readonly number[]): OrtTensor =>
  new OrtTensor('int64', BigInt64Array.from(data, BigInt), dims)

/** Names of the execution providers this build of ONNX Runtime has. */
export const backends = (): string[] => listSupportedBackends().map(b => b.name)

export interface SessionOptions {
  /** Folder that the graph's external constants are relative to. */
  weights: string
  /**
   * `inference`: every optimization of the runtime, and a second copy of each weight in the layout that makes products
   * of few rows fast. `training`: none of that; it would take seconds and as much memory again for nothing.
   */
  purpose: 'inference' | 'training'
}

/**
 * A session for a graph.
 *
 * @throws HarnessError naming what was being loaded
 */
export async function createSession(
  graph: Graph,
  what: string,
  { weights, purpose }: SessionOptions,
): Promise<Session> {
  try {
    return await InferenceSession.create(writeOnnx(graph), {
      logSeverityLevel: 3,
      graphOptimizationLevel: purpose === 'inference' ? 'all' : 'disabled',
      extra: {
        session: {
          model_external_initializers_file_folder_path: weights,
          disable_prepacking: purpose === 'inference' ? '0' : '1',
        },
      },
    })
  } catch (cause) {
    throw new HarnessError(`loading ${what} into ONNX Runtime: ${messageOf(cause)}`, { cause })
  }
}
