import { InputError } from '../errors.js'
import { adamw } from '../grad/adamw.js'
import { check } from '../graph/check.js'
import { Emit } from '../graph/emit.js'
import { emptyGraph, type Graph } from '../graph/graph.js'
import type { LoRAHandle } from '../lora/handle.js'
import { readSafetensors, writeSafetensors } from '../lora/safetensors.js'
import type { ParameterLayout } from '../rules/lora.js'
import { renameOutputs } from './compile.js'
import { keep } from './recent.js'

/** What AdamW carries from step to step: the moments of the gradient [P], in the order of a layout, and the count. */
export interface OptimizerState {
  m: Float32Array
  v: Float32Array
  /** Steps taken so far. */
  steps: number
}

export const freshState = (P: number): OptimizerState => ({
  m: new Float32Array(P),
  v: new Float32Array(P),
  steps: 0,
})

/**
 * One AdamW step by a gradient [P] that is an input, with the same inputs and outputs otherwise as in the training
 * graph. P is open, so one session serves every layout.
 */
export function updateGraph(): Graph {
  const e = new Emit(emptyGraph())
  const theta = e.input('theta', ['P'], 'float32')
  const next = adamw(e, theta, e.input('gradient', ['P'], 'float32'))
  const graph = renameOutputs(e, {
    gradient_norm: next.gradientNorm,
    'theta.next': next.theta,
    'adam.m.next': next.m,
    'adam.v.next': next.v,
  })
  return check(graph, 'the optimizer step by a gradient')
}

/** Its file in an adapter's folder: PyTorch's names of the moments, before PEFT's names of the tensors. */
export const STATE_FILE = 'optimizer.safetensors'
const MOMENTS = [
  ['exp_avg', 'm'],
  ['exp_avg_sq', 'v'],
] as const

export function encodeState(state: OptimizerState, layout: ParameterLayout): Uint8Array {
  const tensors = MOMENTS.flatMap(([moment, vector]) =>
    layout.tensors.map(
      ({ name, dims, offset }) =>
        [`${moment}.${name}`, { dims, data: state[vector].subarray(offset, offset + dims[0] * dims[1]) }] as const,
    ),
  )
  return writeSafetensors({ tensors: new Map(tensors), metadata: { format: 'pt', step: String(state.steps) } })
}

/** @throws InputError if the file is damaged, or is not of an adapter with this layout */
export function decodeState(bytes: Uint8Array, file: string, layout: ParameterLayout): OptimizerState {
  const { tensors, metadata } = readSafetensors(bytes, file)
  const state = { ...freshState(layout.size), steps: Number(metadata.step) }
  if (!Number.isSafeInteger(state.steps) || state.steps < 1)
    throw new InputError(`reading ${file}: step must be a positive integer, found ${JSON.stringify(metadata.step)}`)
  for (const [moment, vector] of MOMENTS)
    for (const { name, dims, offset } of layout.tensors) {
      const t = tensors.get(`${moment}.${name}`)
      if (!t || String(t.dims) !== String(dims))
        throw new InputError(
          `reading ${file}: ${moment}.${name} must be [${dims}], found ${t ? `[${t.dims}]` : 'nothing'}`,
        )
      state[vector].set(t.data, offset)
    }
  return state
}

/** Files in adapters' folders, where there are folders. */
export interface Beside {
  read(folder: string, name: string): Uint8Array | undefined
  write(folder: string, name: string, bytes: Uint8Array): void
}

/** At most so many states are kept in memory, the ones used last; each has twice the size of its adapter. */
const MOST = 8

/** The optimizer states of adapters whose training asked to keep them: in memory, and in the adapter's folder. */
export class OptimizerStates {
  readonly #beside: Beside
  readonly #kept = new Map<string, OptimizerState>()

  constructor(beside: Beside) {
    this.#beside = beside
  }

  /** @throws InputError if no state was kept, or its file is damaged */
  get({ identifier, path }: LoRAHandle, layout: ParameterLayout): OptimizerState {
    const known = this.#kept.get(identifier)
    if (known) return known
    const bytes = path === undefined ? undefined : this.#beside.read(path, STATE_FILE)
    if (path === undefined || !bytes)
      throw new InputError(
        `finetune: no optimizer state is kept with adapter ${identifier.slice(0, 12)}, so optimizerState 'continue' cannot go on from it; the call that makes an adapter keeps its state if it has optimizerState 'continue' too`,
      )
    return this.#keep(identifier, decodeState(bytes, `${path}/${STATE_FILE}`, layout))
  }

  add({ identifier, path }: LoRAHandle, state: OptimizerState, layout: ParameterLayout): void {
    if (path !== undefined) this.#beside.write(path, STATE_FILE, encodeState(state, layout))
    this.#keep(identifier, state)
  }

  clear(): void {
    this.#kept.clear()
  }

  #keep(identifier: string, state: OptimizerState): OptimizerState {
    keep(this.#kept, identifier, state, MOST)
    return state
  }
}
