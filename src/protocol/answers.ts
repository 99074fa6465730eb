import type { RunState } from './messages.js'
import type { Branch, RunEvent } from './run.js'
import type { Step } from './step.js'

/** ΔW of one module in an adapter, or what lies between two. */
export interface AdapterModule {
  module: string
  /** ‖ΔW‖_F */
  norm: number
  /** ‖W₀‖_F of the base model; null if it is not known. */
  baseNorm: number | null
  /** Null for what lies between two. */
  rank: number | null
  /** exp(−Σ pᵢ ln pᵢ), pᵢ = σᵢ/Σσ; null if ΔW = 0. */
  effectiveRank: number | null
  /** Share of ‖ΔW‖_F² in the strongest direction; null if ΔW = 0. */
  strongest: number | null
  /** Singular values of ΔW, largest first, to six digits. */
  values: number[]
}

/** Two adapters, and what lies between them; null stands for none. */
export interface AdapterPair {
  a: string | null
  b: string | null
  norms: { a: number; b: number; change: number }
  /** Cosine of the two; null if one of them is nothing. */
  cosine: number | null
  /** Modules of a, of b, and of ΔW_b − ΔW_a. */
  modules: { a: AdapterModule[]; b: AdapterModule[]; change: AdapterModule[] }
  /** Modules of the base model that could have an adapter, in its order; null if it is not known. */
  all: string[] | null
  /** Why norms of the base weights are not known; null if they are. */
  baseWhy: string | null
}

/** The strongest directions of a module's weights with its update, W₀ + ΔW, beside those of W₀. */
export interface TunedDirections {
  /** Of each, strongest first, the largest |cosine| with any left singular vector of W₀. */
  cosines: number[]
  /** Below it a direction counts as new: one that the base model does not have. */
  newBelow: number
}

/** The way of a branch's adapters along its examples. */
export interface AdapterWay {
  /** ‖ΔW‖_F after each example, null before the first adapter; a line for each that was begun from none. */
  lines: { name: string; norms: (number | null)[] }[]
  /** Some updates, evenly spread: ‖ΔW_t − ΔW_{t−1}‖_F, and the cosine of that step with ΔW_{t−1} (null if that is nothing). */
  moves: { at: number; step: number; onward: number | null }[]
  /** How many updates there were. */
  updates: number
  /** Cosines between the last adapters of branches; null for fewer than two. */
  branches: { names: string[]; cosines: (number | null)[][] } | null
}

/** What is known of the adapters that a run made, the oldest first. */
export interface Lineage {
  current: string
  branches: (Branch & { length: number })[]
  adapters: { identifier: string; parent: string | null; branch: string; index: number; bytes: number }[]
}

/** A person's words on an example: the last annotation of a branch and index counts. */
export interface Annotation extends RunEvent {
  type: 'annotation'
  tags: string[]
  note: string
}

/** What each request of the control comm is answered with. */
export interface ControlAnswers {
  runs: RunState[]
  snapshot: null
  pause: RunState
  resume: RunState
  /** Index of the example that was done; null after the last one. */
  step: { index: number | null }
  stop: RunState
  rewind: RunState
  /** Name of the run that goes on from there. */
  fork: { id: string }
  example: Step
  adapters: AdapterPair
  directions: TunedDirections
  path: AdapterWay
  lineage: Lineage
  /** Source of a callable, as its author wrote it. */
  callables: { hash: string; source: string; code: string }
  annotate: null
}
