import type * as Ort from 'onnxruntime-node'
import { platform } from '#platform'
import { HarnessError, messageOf } from '../errors.js'
import type { Graph } from '../graph/graph.js'
import { writeOnnx } from '../onnx/write.js'
import { requirePlacement } from './placement.js'
import type { Device, Weights } from './platform.js'
import { forWebGPU } from './webgpu.js'

/** The only file that runs ONNX Runtime. */
export type OrtTensor = Ort.Tensor
export type Feeds = Record<string, OrtTensor>
export type Session = Ort.InferenceSession

const { InferenceSession, Tensor } = platform.ort

export const float32 = (data: Float32Array, dims: readonly number[]): OrtTensor => new Tensor('float32', data, dims)
export const float64 = (data: Float64Array, dims: readonly number[]): OrtTensor => new Tensor('float64', data, dims)
export const scalar = (x: number): OrtTensor => float32(Float32Array.of(x), [])
/** Indices and token ids; every integer up to 2^53 is exact. */
export const int64 = (data: readonly number[], dims: readonly number[]): OrtTensor =>
  new Tensor('int64', BigInt64Array.from(data, BigInt), dims)

/** A tensor of the same type with other values. */
export const tensorLike = ({ type }: OrtTensor, data: OrtTensor['data'], dims: readonly number[]): OrtTensor =>
  new Tensor(type as 'float32', data as Float32Array, dims)

/**
 * What a session is for. `inference`: every optimization of the runtime, and each weight in the layout that makes
 * products of few rows fast. `training`: none of that; optimizing takes seconds for nothing, and the layout as much
 * memory again. Neither plans its memory by the sizes of its first run: the plan holds all of it once more.
 */
const PURPOSES = {
  inference: { graphOptimizationLevel: 'all', enableMemPattern: false, session: { disable_prepacking: '0' } },
  training: { graphOptimizationLevel: 'disabled', enableMemPattern: false, session: { disable_prepacking: '1' } },
} as const satisfies Record<string, object>

/** What a device needs beside its name. DirectML's needs are from its documentation; it was not run here. */
const PROVIDERS: Record<Device, Partial<Ort.InferenceSession.SessionOptions>> = {
  cpu: { executionProviders: ['cpu'] },
  wasm: { executionProviders: ['wasm'] },
  webgpu: { executionProviders: ['webgpu'] },
  cuda: { executionProviders: ['cuda'] },
  dml: { executionProviders: ['dml'], executionMode: 'sequential' },
  coreml: { executionProviders: ['coreml'] },
}

export interface SessionOptions {
  /** Where the graph's external constants lie. */
  weights: Weights
  purpose: keyof typeof PURPOSES
  device?: Device
  /** Outputs that stay in the device's memory, if it has one of its own that tensors can lie in (WebGPU). */
  stay?: (output: string) => boolean
}

/**
 * A session for a graph. On a device other than the CPU the first run fails if part of the arithmetic went to the CPU.
 *
 * @throws HarnessError naming what was being loaded
 */
export async function createSession(graph: Graph, what: string, options: SessionOptions): Promise<Session> {
  const { weights, purpose, device = 'cpu', stay } = options
  const { session: entries, ...settings } = PURPOSES[purpose]
  const profile = ['cpu', 'wasm'].includes(device) ? undefined : platform.profiler?.()
  const external = platform.external(weights)
  try {
    const session = await InferenceSession.create(writeOnnx(device === 'webgpu' ? forWebGPU(graph) : graph), {
      logSeverityLevel: 4,
      ...settings,
      ...PROVIDERS[device],
      ...external,
      ...profile?.options,
      extra: { session: { ...(external.extra?.session as object), ...entries } },
      ...(stay &&
        device === 'webgpu' && {
          preferredOutputLocation: Object.fromEntries(
            graph.outputs.map(name => [name, stay(name) ? 'gpu-buffer' : 'cpu']),
          ),
        }),
    })
    if (stay && device === 'webgpu') askForAll(session)
    if (platform.breathe) breatheAfterRuns(session, platform.breathe)
    if (profile) lookAtFirstRun(session, profile.end, device, what)
    return session
  } catch (cause) {
    profile?.drop()
    throw new HarnessError(`loading ${what} into ONNX Runtime on ${device}: ${messageOf(cause)}`, { cause })
  }
}

type Run = (feeds: Feeds, ...rest: unknown[]) => Promise<Feeds>

/**
 * Has every run compute all outputs, and frees those that were not asked for: Node's runtime fails ("Output count
 * mismatch", 1.30) when a session with outputs on the device is asked for one set of them and then for another.
 */
function askForAll(session: Session): void {
  const run = session.run.bind(session) as Run
  const runAll = async (feeds: Feeds, wanted: readonly string[] = session.outputNames) => {
    const outputs = await run(feeds)
    for (const [name, tensor] of Object.entries(outputs)) {
      if (wanted.includes(name)) continue
      if (tensor.location === 'gpu-buffer') tensor.dispose()
      delete outputs[name]
    }
    return outputs
  }
  Object.assign(session, { run: runAll })
}

function breatheAfterRuns(session: Session, breathe: () => Promise<void>): void {
  const run = session.run.bind(session) as Run
  const runAndBreathe: Run = async (...args) => {
    const outputs = await run(...args)
    await breathe()
    return outputs
  }
  Object.assign(session, { run: runAndBreathe })
}

/** Ends the profile that a session was made with after its first run, and has it looked at. */
function lookAtFirstRun(session: Session, end: (s: Session) => unknown, device: Device, what: string): void {
  const run = session.run.bind(session) as Run
  const release = session.release.bind(session)
  let looked: { fault?: unknown } | undefined
  const runLookedAt: Run = async (...args) => {
    const outputs = await run(...args)
    looked ??= faultOf(() => requirePlacement(end(session), device, what))
    if ('fault' in looked) throw looked.fault
    return outputs
  }
  const releaseEnded = () => {
    if (!looked) end(session)
    return release()
  }
  Object.assign(session, { run: runLookedAt, release: releaseEnded })
}

function faultOf(check: () => void): { fault?: unknown } {
  try {
    check()
    return {}
  } catch (fault) {
    return { fault }
  }
}
