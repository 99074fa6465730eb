/** One piece of work for a side of the benchmark. */
export interface Command {
  work: 'prefill' | 'decode' | 'swap' | 'train' | 'loop'
  /** Tokens of the prompt or of the batch. */
  T?: number
  /** New tokens, or optimizer steps. */
  n?: number
  adapter?: boolean
  /** Tokens at the end that are learned; all if left out. */
  learned?: number
  /** The adapter to swap to is in memory. */
  resident?: boolean
}

export interface Row extends Command {
  name: string
  unit: string
  /** What is shown, from the best time of all rounds [ms]. */
  shown(ms: number): number
}

const perSecond = (tokens: number) => (ms: number) => (1000 * tokens) / ms
const same = (ms: number) => ms

/** Everything measured, in order: memory grows with the length of a step, so the long ones come last. */
export const ROWS: readonly Row[] = [
  ...[false, true].map(
    (adapter): Row => ({
      name: `prefill, 256 tokens${adapter ? ', adapter' : ''}`,
      work: 'prefill',
      T: 256,
      adapter,
      unit: 'ms',
      shown: same,
    }),
  ),
  ...[false, true].map(
    (adapter): Row => ({
      name: `decode${adapter ? ', adapter' : ''}`,
      work: 'decode',
      T: 128,
      n: 48,
      adapter,
      unit: 'tokens/s',
      shown: perSecond(1),
    }),
  ),
  { name: 'swap to an adapter in memory', work: 'swap', resident: true, unit: 'ms', shown: same },
  { name: 'load an adapter and use it', work: 'swap', unit: 'ms', shown: same },
  ...[64, 128, 256, 512].map(
    (T): Row => ({ name: `training step, ${T} tokens`, work: 'train', T, n: 3, unit: 'ms', shown: same }),
  ),
  ...[128, 512].map(
    (T): Row => ({
      name: `training step, ${T} tokens, the last 32 learned`,
      work: 'train',
      T,
      learned: 32,
      n: 3,
      unit: 'ms',
      shown: same,
    }),
  ),
  {
    name: 'loop: load, 32 new tokens, evaluate, 4 steps, save',
    work: 'loop',
    unit: 'examples/min',
    shown: ms => 60_000 / ms,
  },
]
