import type { BaselineFn, Callables } from './callables.js'
import type { ExampleSource } from './feed.js'
import type { Recorder } from './recorder.js'

export interface LoRAHarnessOptions extends Callables {
  /** Any iterable of examples, or a callable that gives one. */
  exampleSource: ExampleSource
  /** Other answers to the same messages, by name: scored alike, never trained. */
  baselines?: Record<string, BaselineFn>
  /** 0 by default; the seed of step i is `seedOf(seed, i)`. */
  seed?: number
  /** After a finetuneFn that threw: go on (the default), or stop once the step is recorded. */
  onError?: 'continue' | 'stop'
  /** Where finished steps go; memory by default. */
  recorder?: Recorder
  /** A random one by default. */
  runId?: string
  /** Text of the files that the callables come from: part of their hashes. Empty by default. */
  code?: string
  /** Stops the run when aborted. */
  signal?: AbortSignal | undefined
}

/** What of a fork differs from the harness it leaves: where it leaves, its name, and any callables. */
export type ForkOptions = Partial<Callables> & { at: number; name?: string }
