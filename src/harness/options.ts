import type { BaselineFn, Callables } from './callables.js'
import type { ExampleSource } from './feed.js'
import type { Leave } from './history.js'
import type { ProbeOptions } from './probes.js'
import type { Recorder } from './recorder.js'

export interface LoRAHarnessOptions extends Callables {
  /** Any iterable of examples, or a callable that gives one. */
  exampleSource: ExampleSource
  /** Runs the examples in an order drawn from the seed; false by default. */
  shuffle?: boolean
  /** Other answers to the same messages, by name: scored alike, never trained. */
  baselines?: Record<string, BaselineFn>
  /** Questions that are asked again and again: scored, never trained on. */
  probes?: ProbeOptions | undefined
  /** 0 by default; the seed of step i is `seedOf(seed, i)`. */
  seed?: number
  /** After a finetuneFn that threw: go on (the default), or stop once the step is recorded. */
  onError?: 'continue' | 'stop'
  /** Where finished steps go beside the harness's own memory: `createRun` and `openRun` give one that lasts. */
  recorder?: Recorder
  /** A random one by default. */
  runId?: string
  /** Text of the files that the callables come from: part of their hashes. Empty by default. */
  code?: string
  /** Stops the run when aborted. */
  signal?: AbortSignal | undefined
}

/** Where a fork leaves, its name, what it leaves out, and any callables that differ from those of its parent. */
export type ForkOptions = Partial<Callables> & Leave
