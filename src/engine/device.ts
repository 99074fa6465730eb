import { platform } from '#platform'
import { HarnessError, InputError, messageOf } from '../errors.js'
import { Emit } from '../graph/emit.js'
import { emptyGraph, type Graph } from '../graph/graph.js'
import { random } from '../tensor.js'
import type { Device } from './platform.js'
import { createSession, float32 } from './session.js'

export const DEVICES: readonly Device[] = ['cpu', 'wasm', 'webgpu', 'cuda', 'dml', 'coreml']

/** What trying a device gave. */
export type Probe =
  | { device: Device; ok: true /** Of one run of the probe [ms]. */; ms: number /** Half floats too. */; half: boolean }
  | { device: Device; ok: false; problem: string /** A device that this platform can have. */; here: boolean }

/** The device that is used, and why, in a sentence. */
export interface Choice {
  device: Device
  reason: string
  half: boolean
}

/** What to do where a device does not answer. */
export const REMEDIES: Record<Device, string> = {
  cpu: 'it needs glibc 2.28 or newer on Linux; npm ci installs it again',
  wasm: "serve the runtime's .wasm file where the browser can fetch it",
  webgpu:
    'it needs a graphics driver that WebGPU can use (on Linux a Vulkan driver and libvulkan1; in a browser one with WebGPU switched on)',
  cuda: "it needs an NVIDIA driver, CUDA 12, cuDNN 9, and onnxruntime-node's CUDA libraries: npm rebuild onnxruntime-node --ignore-scripts=false --onnxruntime-node-install=cuda12",
  dml: 'it needs Windows 10 or newer with a DirectX 12 device',
  coreml: 'it needs macOS on an Apple or Intel Mac',
}

const ROWS = 64
const WIDTH = 512
const LAYERS = 8

/**
 * x [64, 512] through eight layers of the operations that decoders are made of: some 0.27 GFLOP, so that a device made
 * of software is seen for what it is.
 *
 * @param half products in float16
 */
function probeGraph(half: boolean): Graph {
  const e = new Emit(emptyGraph())
  const [x0, w] = [e.input('x', [ROWS, WIDTH], 'float32'), e.input('w', [WIDTH, WIDTH], 'float32')]
  let x = x0
  for (let layer = 0; layer < LAYERS; layer++) {
    const y = half ? e.cast(e.matmul(e.cast(x, 'float16'), e.cast(w, 'float16')), 'float32') : e.matmul(x, w)
    const norm = e.op('Sqrt', [e.add(e.mean(e.mul(y, y), [-1], 1), e.scalar(1e-6, y))])
    x = e.add(x, e.mul(e.op('Sigmoid', [y]), e.div(y, norm)))
  }
  const halves = [e.slice(x, 1, WIDTH / 2, WIDTH), e.slice(x, 1, 0, WIDTH / 2)]
  e.graph.outputs = [e.op('Softmax', [e.concat(halves, 1)], { axis: -1 })]
  return e.graph
}

interface Answer {
  y: Float32Array
  ms: number
}

/** What a device cannot do is the answer, and need not be written to a console as well. */
const QUIET = { logSeverityLevel: 4 } as const

/** What the probe gives on a device, and how long its second run takes [ms]: in the first, kernels are compiled. */
async function answer(device: Device, half = false): Promise<Answer> {
  const options = { weights: new Map(), purpose: 'training', device } as const
  const session = await createSession(probeGraph(half), 'a probe', options)
  const rng = random(1)
  const uniform = (rows: number, scale: number) =>
    float32(
      Float32Array.from({ length: rows * WIDTH }, () => (2 * rng.uniform() - 1) * scale),
      [rows, WIDTH],
    )
  const feeds = { x: uniform(ROWS, 1), w: uniform(WIDTH, 1 / Math.sqrt(WIDTH)) }
  try {
    await session.run(feeds, QUIET)
    const start = performance.now()
    const outputs = await session.run(feeds, QUIET)
    return { y: outputs[session.outputNames[0]!]!.data as Float32Array, ms: performance.now() - start }
  } finally {
    await session.release()
  }
}

const probes = new Map<Device, Promise<Probe>>()

/** The device that every platform has, which the others are compared with. */
const home = (): Device => platform.devices.at(-1)!

/**
 * Tries a device, once: a small session with the operations that are used is made and run, and what it gives is
 * compared with what the CPU gives.
 */
export function probe(device: Device): Promise<Probe> {
  const made = probes.get(device) ?? tryOut(device)
  probes.set(device, made)
  return made
}

async function tryOut(device: Device): Promise<Probe> {
  if (!platform.devices.includes(device)) return { device, ok: false, problem: platform.elsewhere, here: false }
  try {
    const expected = await answer(home())
    if (device === home()) return { device, ok: true, ms: expected.ms, half: true }
    const { y, ms } = await answer(device)
    // To tell wrong from right, not good from bad: products in TF32 are off by some 1e-3.
    if (!agree(y, expected.y)) return { device, ok: false, problem: 'it answers with wrong numbers', here: true }
    const half = await answer(device, true).then(
      found => agree(found.y, expected.y),
      () => false,
    )
    return { device, ok: true, ms, half }
  } catch (thrown) {
    const cause = thrown instanceof HarnessError ? (thrown.cause ?? thrown) : thrown
    return { device, ok: false, problem: brief(messageOf(cause)), here: true }
  }
}

const agree = (a: Float32Array, b: Float32Array): boolean => {
  const scale = b.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  return a.length === b.length && a.every((x, i) => Math.abs(x - b[i]!) <= 0.02 * scale)
}

/**
 * The device to use.
 *
 * @param what what it is for, for messages
 * @param asked `auto`: the first of the platform's devices that answers the probe rightly and sooner than the CPU, else
 * the CPU
 * @throws InputError if a device asked for by name cannot serve: why, and what would
 */
export async function chooseDevice(asked: Device | 'auto', what: string): Promise<Choice> {
  if (asked !== 'auto') return named(asked, what)
  const here = home()
  const others = platform.devices.filter(d => d !== here)
  const against: string[] = []
  const own = await probe(here)
  for (const device of others) {
    const found = await probe(device)
    if (found.ok && own.ok && found.ms < own.ms)
      return {
        device,
        half: found.half,
        reason: `${device}: it runs the probe in ${found.ms.toFixed(1)} ms, the ${here} in ${own.ms.toFixed(1)} ms`,
      }
    against.push(
      `${device} ${found.ok ? `is slower (${found.ms.toFixed(0)} ms)` : `does not serve (${found.problem})`}`,
    )
  }
  return { device: here, half: true, reason: [here, against.join('; ')].filter(Boolean).join(': ') }
}

async function named(device: Device, what: string): Promise<Choice> {
  if (!DEVICES.includes(device))
    throw new InputError(
      `${what}: device ${JSON.stringify(device)} does not exist; there are auto, ${DEVICES.join(', ')}`,
    )
  if (device === home()) return { device, half: true, reason: `${device}: asked for` }
  const found = await probe(device)
  if (found.ok) return { device, half: found.half, reason: `${device}: asked for; it answers` }
  if (!platform.devices.includes(device))
    throw new InputError(`${what}: device ${device} cannot serve here: ${platform.elsewhere}`)
  throw new InputError(
    `${what}: device ${device} cannot serve: a probe was tried on it, and ONNX Runtime said: ${found.problem}. ` +
      `Remedy: ${REMEDIES[device]}. The device ${home()} always serves`,
  )
}

/** The runtime's message without its source files and line numbers, on one line. */
const brief = (problem: string): string =>
  problem
    .replace(/^\S*\/\S+\.(cc|cpp|h):\d+ [\s\S]*?(was false\. |\bstatus\b: )/, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300)
