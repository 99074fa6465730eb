import type { Json, Step } from '../protocol/index.js'

/** The first place in which two steps are not equal. */
export interface StepDifference {
  /** Such as `response`, `metrics.f1` or `messages[0].content`. */
  path: string
  /** What each has there; undefined where it has nothing. */
  a: Json | undefined
  b: Json | undefined
}

/** Names of the run and the branch, and wall time, never count. */
type Compared = Exclude<keyof Step, 'runId' | 'branch' | 'ms' | 'startedAt'>

/** Causes before effects, so that the first difference found is the one that explains the others. */
const COMPARED = Object.keys({
  v: true,
  index: true,
  key: true,
  datasetName: true,
  split: true,
  testIdx: true,
  chatId: true,
  lang: true,
  messages: true,
  seed: true,
  callables: true,
  retrievedLora: true,
  response: true,
  tokens: true,
  metrics: true,
  details: true,
  baselines: true,
  outcome: true,
  losses: true,
  targetLoss: true,
  updatedLora: true,
} satisfies Record<Compared, true>) as Compared[]

/**
 * The first field in which two steps differ; null if they are equal. `runId`, `branch`, `ms` and `startedAt` never
 * count. Numbers are compared exactly.
 *
 * @param ignored further fields that do not count, such as `callables`
 */
export function firstDifference(a: Step, b: Step, ignored: readonly (keyof Step)[] = []): StepDifference | null {
  for (const field of COMPARED) {
    if (ignored.includes(field)) continue
    const found = differenceIn(a[field] as unknown as Json, b[field] as unknown as Json, field)
    if (found) return found
  }
  return null
}

/** Are two steps equal in all that `firstDifference` looks at? */
export const sameStep = (a: Step, b: Step): boolean => firstDifference(a, b) === null

/**
 * The first position at which two runs of steps differ; null if they are equal. Where one is the beginning of the other,
 * the difference has an empty path and the key of the step that only one of them has.
 *
 * @param ignored see `firstDifference`
 */
export function firstDifferentStep(
  a: readonly Step[],
  b: readonly Step[],
  ignored: readonly (keyof Step)[] = [],
): (StepDifference & { position: number }) | null {
  for (let position = 0; position < Math.max(a.length, b.length); position++) {
    const [left, right] = [a[position], b[position]]
    if (!left || !right) return { position, path: '', a: left?.key, b: right?.key }
    const found = firstDifference(left, right, ignored)
    if (found) return { position, ...found }
  }
  return null
}

/** Depth first; the keys of an object in the order of `a`, then those that only `b` has. */
function differenceIn(a: Json | undefined, b: Json | undefined, path: string): StepDifference | null {
  if (a === b) return null
  if (isRecord(a) && isRecord(b) && Array.isArray(a) === Array.isArray(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const found = differenceIn(own(a, key), own(b, key), `${path}${Array.isArray(a) ? `[${key}]` : property(key)}`)
      if (found) return found
    }
    return null
  }
  return { path, a, b }
}

type Nested = { [key: string]: Json }
/** An array is looked at as an object with its positions for keys. */
const isRecord = (value: Json | undefined): value is Nested => typeof value === 'object' && value !== null
const own = (of: Nested, key: string): Json | undefined => (Object.hasOwn(of, key) ? of[key] : undefined)
const property = (key: string): string => (/^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`)
