import { InputError } from '../../src/errors.js'
import { type Random, random, seedOf } from '../../src/tensor.js'
import { processorTime } from './measures.js'

/** A damaged copy of a file's bytes. */
export type Mutation = (bytes: Uint8Array, rng: Random) => Uint8Array

const pick = <T>(items: readonly T[], rng: Random): T => items[rng.below(items.length)]!
const concat = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** Numbers at which readers go wrong: ends of the integer types, and beyond what a double holds exactly. */
export const NUMBERS: readonly bigint[] = [0, 1, 7, 8, 0x7f, 0x80, 0xff, 0xffff, 0x10000]
  .map(BigInt)
  .concat([2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 60n, 2n ** 63n - 1n, 2n ** 64n - 1n])

/** Writes an integer of the list, of 1, 2, 4 or 8 bytes, at a place. */
export function putNumber(bytes: Uint8Array, at: number, rng: Random): Uint8Array {
  const out = bytes.slice()
  let n = pick(NUMBERS, rng)
  for (let k = at, end = at + 2 ** rng.below(4); k < end && k < out.length; k++, n >>= 8n) out[k] = Number(n & 0xffn)
  return out
}

/** Damage that knows nothing of the format. */
const BLIND: readonly Mutation[] = [
  (bytes, rng) => {
    const out = bytes.slice()
    out[at(bytes, rng)]! ^= 1 << rng.below(8)
    return out
  },
  (bytes, rng) => bytes.slice(0, at(bytes, rng)),
  (bytes, rng) => putNumber(bytes, at(bytes, rng), rng),
  // A stretch taken out, put in twice, or replaced by noise.
  (bytes, rng) => withStretch(bytes, rng, () => new Uint8Array()),
  (bytes, rng) => withStretch(bytes, rng, s => concat(s, s)),
  (bytes, rng) => withStretch(bytes, rng, s => s.map(() => rng.below(256))),
  (bytes, rng) =>
    concat(
      bytes,
      Uint8Array.from({ length: 1 + rng.below(64) }, () => rng.below(256)),
    ),
]

const at = (bytes: Uint8Array, rng: Random): number => rng.below(Math.max(1, bytes.length))

function withStretch(bytes: Uint8Array, rng: Random, change: (stretch: Uint8Array) => Uint8Array): Uint8Array {
  const from = at(bytes, rng)
  const to = from + 1 + rng.below(32)
  return concat(bytes.slice(0, from), change(bytes.slice(from, to)), bytes.slice(to))
}

/**
 * Damaged copies of sound files, the same for the same seed: every other one by a mutation that knows the format
 * (one to three of them), the others by damage that does not.
 */
export function* mutations(
  seed: number,
  count: number,
  sound: readonly Uint8Array[],
  structural: readonly Mutation[],
): Generator<Uint8Array> {
  for (let i = 0; i < count; i++) {
    const rng = random(seedOf(seed, i))
    const kinds = i % 2 === 0 ? structural : BLIND
    let bytes = pick(sound, rng)
    for (let left = 1 + rng.below(3); left > 0; left--) bytes = pick(kinds, rng)(bytes, rng)
    yield bytes
  }
}

/**
 * Reads every input: each must end within `seconds`, in a value or in an InputError, and ask for no memory in one
 * piece of more than twice the input's size (and 64 KiB, which small files may take).
 *
 * @returns how many were read and how many refused; a test in which nothing is read, or nothing refused, tests little
 */
export function fuzz(
  inputs: Iterable<Uint8Array>,
  read: (bytes: Uint8Array) => unknown,
  seconds = 2,
): { read: number; refused: number; slowestMs: number } {
  const seen = { read: 0, refused: 0, slowestMs: 0 }
  for (const bytes of inputs) {
    const fail = (what: unknown): never => {
      const start = Buffer.from(bytes).toString('base64').slice(0, 2000)
      throw new Error(`input of ${bytes.length} bytes, ${start}: ${what}`, { cause: what })
    }
    const { error, largest, ms } = watch(() => read(bytes))
    if (error && !(error instanceof InputError)) fail(error)
    if (error instanceof InputError && error.message.length > 10_000) fail('its message is endless')
    if (largest > 2 * bytes.length + 65536) fail(`${largest} bytes asked for at once`)
    if (ms > seconds * 1000) fail(`${ms} ms`)
    seen[error ? 'refused' : 'read']++
    seen.slowestMs = Math.max(seen.slowestMs, ms)
  }
  return seen
}

const ARRAYS = [
  ...(['Uint8Array', 'Uint16Array', 'Uint32Array', 'Int8Array', 'Int16Array', 'Int32Array'] as const),
  ...(['Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array', 'ArrayBuffer', 'Array'] as const),
]

/** The largest piece asked for since it was last set to 0 [bytes]. */
let largest = 0
const note = (size: number): void => {
  largest = Math.max(largest, size)
  if (size > 2 ** 28) throw new Error(`${size} bytes asked for at once`)
}

/** An array's constructor that notes the size of what it is asked for. */
function noting<T extends object>(real: T): T {
  const each = 'BYTES_PER_ELEMENT' in real ? Number(real.BYTES_PER_ELEMENT) : real === (Array as unknown) ? 8 : 1
  const proxy: T = new Proxy(real, {
    construct(target, args, newTarget) {
      if (typeof args[0] === 'number') note(args[0] * each)
      // biome-ignore lint/complexity/noBannedTypes: what Reflect.construct takes
      return Reflect.construct(target as Function, args, (newTarget === proxy ? target : newTarget) as Function)
    },
  })
  return proxy
}

const REAL = Object.fromEntries(ARRAYS.map(name => [name, globalThis[name]]))
const NOTING = Object.fromEntries(ARRAYS.map(name => [name, noting(globalThis[name])]))
const { alloc, allocUnsafe } = Buffer
const BUFFER = { alloc, allocUnsafe }
const NOTING_BUFFER = {
  alloc: (...args: Parameters<typeof alloc>) => {
    note(args[0])
    return alloc(...args)
  },
  allocUnsafe: (size: number) => {
    note(size)
    return allocUnsafe(size)
  },
}

/** Runs some work: what it threw, how much processor time it took, and the largest piece of memory it asked for by its length [bytes]. */
export function watch(work: () => unknown): { error?: unknown; largest: number; ms: number } {
  largest = 0
  let error: unknown
  const ms = processorTime(() => {
    try {
      Object.assign(globalThis, NOTING)
      Object.assign(Buffer, NOTING_BUFFER)
      work()
    } catch (thrown) {
      error = thrown
    } finally {
      Object.assign(globalThis, REAL)
      Object.assign(Buffer, BUFFER)
    }
  })
  return { error, largest, ms }
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

const VALUES: readonly Json[] = [null, true, -1, 0, 1, 1.5, 2 ** 31, 2 ** 53, 1e308, '', 'x', [], {}, [[1]], { a: 1 }]

/** A damaged copy of a JSON text: a value replaced, moved, nested or repeated, a key renamed or named twice. */
export function mutateJson(text: string, rng: Random): string {
  const root = JSON.parse(text) as Json
  const holders: (Json[] | { [key: string]: Json })[] = []
  const walk = (v: Json): void => {
    if (typeof v !== 'object' || v === null) return
    holders.push(v)
    for (const child of Object.values(v)) walk(child)
  }
  walk(root)
  if (holders.length === 0) return JSON.stringify(pick(VALUES, rng))
  const holder = pick(holders, rng) as Record<string, Json>
  const key = pick([...Object.keys(holder), '0'], rng)
  const other = pick(holders, rng) as Record<string, Json>
  let mark: string | undefined
  switch (rng.below(8)) {
    case 0:
      holder[key] = pick(VALUES, rng)
      break
    case 1:
      delete holder[key]
      break
    case 2:
      holder[pick(['__proto__', 'constructor', 'x'.repeat(2000), '', ...Object.keys(other)], rng)] = holder[key] ?? null
      break
    case 3:
      holder[key] = structuredClone(pick(Object.values(other), rng) ?? null)
      break
    case 4:
      holder[key] = Number(pick(NUMBERS, rng)) * (rng.below(2) ? 1 : -1)
      break
    case 5:
      if (typeof holder[key] === 'number') holder[key] += rng.below(9) - 4
      break
    case 6:
      mark = '['.repeat(10 ** rng.below(6)) + (rng.below(2) ? '' : ']')
      break
    default:
      // The same key once more in the text, which no tree can hold.
      mark = `0,${JSON.stringify(key)}:1`
  }
  if (mark === undefined) return JSON.stringify(root)
  holder[key] = '\u0001'
  return JSON.stringify(root).replace('"\\u0001"', mark)
}
