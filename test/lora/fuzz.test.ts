import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { identify, requireFit, scaleOf } from '../../src/lora/adapter.js'
import { decodePeft, encodePeft } from '../../src/lora/format.js'
import { readSafetensors } from '../../src/lora/safetensors.js'
import type { Random, Tensor } from '../../src/tensor.js'
import { fuzz, type Mutation, mutateJson, mutations, NUMBERS, putNumber, watch } from '../helpers/mutate.js'

const INPUTS = 20_000
const encode = (text: string) => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

const modules = ['model.layers.0.self_attn.q_proj', 'model.layers.1.mlp.up_proj']
const tensors = new Map<string, Tensor>(
  modules.flatMap((m, i) => [
    [`base_model.model.${m}.lora_A.weight`, { dims: [2 - i, 3], data: new Float32Array(6 - 3 * i).fill(0.5) }],
    [`base_model.model.${m}.lora_B.weight`, { dims: [4, 2 - i], data: new Float32Array(8 - 4 * i).fill(0.5) }],
  ]),
)
const adapter = {
  config: { r: 2, alpha: 4, rslora: true, rankPattern: { up_proj: 1 }, alphaPattern: { '.*\\.q_proj': 3 } },
  tensors,
}
const model = modules.map(name => ({ name, in: 3, out: 4 }))
const sound = encodePeft(adapter, { name: 'owner/model', fingerprint: 'f' })
const weights = sound.get('adapter_model.safetensors')!
const config = sound.get('adapter_config.json')!

/** A safetensors file taken apart and put together again with its header changed; the length in front is put right. */
const withHeader =
  (change: (header: string, rng: Random) => string): Mutation =>
  (bytes, rng) => {
    const [text, data] = parts(bytes)
    if (text === undefined) return bytes
    const header = encode(change(text, rng))
    const out = Buffer.alloc(8 + header.length + data.length)
    out.writeBigUInt64LE(BigInt(header.length))
    out.set(header, 8)
    out.set(data, 8 + header.length)
    return new Uint8Array(out)
  }

function parts(bytes: Uint8Array): [header: string | undefined, data: Uint8Array] {
  const length = bytes.length < 8 ? Number.NaN : Number(Buffer.from(bytes).readBigUInt64LE())
  return length + 8 <= bytes.length ? [decode(bytes.slice(8, 8 + length)), bytes.slice(8 + length)] : [undefined, bytes]
}

type Entry = { dtype: string; shape: number[]; data_offsets: [number, number] }

/** Changes one tensor's entry, with another one at hand. */
const withEntry = (change: (entry: Entry, other: Entry, rng: Random) => unknown): Mutation =>
  withHeader((text, rng) => {
    try {
      const header = JSON.parse(text) as Record<string, Entry>
      const names = Object.keys(header).filter(name => name !== '__metadata__')
      const [one, other] = [names[rng.below(names.length)]!, names[rng.below(names.length)]!]
      header[one] = (change(header[one]!, header[other]!, rng) ?? header[one]) as Entry
      return JSON.stringify(header)
    } catch {
      return text // An earlier mutation broke it.
    }
  })

const number = (rng: Random) => Number(NUMBERS[rng.below(NUMBERS.length)]!)
const structural: Mutation[] = [
  // The header's length.
  (bytes, rng) => putNumber(bytes, 0, rng),
  withHeader((text, rng) => safely(() => mutateJson(text, rng), text)),
  withHeader((text, rng) => ' '.repeat(rng.below(20)) + text + ' '.repeat(rng.below(20))),
  // A tensor twice, by name.
  withHeader(text => text.replace(/^\{("(?!__)[^"]*":\{[^}]*\})/, '{$1,$1')),
  // Over another, outside the data, a wrong way round.
  withEntry((entry, other) => ({ ...entry, data_offsets: other.data_offsets })),
  withEntry((entry, _, rng) => ({ ...entry, data_offsets: [number(rng), number(rng)] })),
  withEntry(entry => ({ ...entry, data_offsets: entry.data_offsets.toReversed() })),
  withEntry((entry, _, rng) => ({ ...entry, data_offsets: entry.data_offsets.map(n => n + rng.below(3) - 1) })),
  withEntry((entry, _, rng) => ({ ...entry, dtype: ['F16', 'BF16', 'F64', 'I8', '', 'toString'][rng.below(6)] })),
  // A type and a shape that fit the bytes.
  withEntry(entry => ({ ...entry, dtype: 'BF16', shape: [entry.shape[0]! * 2, ...entry.shape.slice(1)] })),
  withEntry(entry => void entry.shape.reverse()),
  withEntry((entry, _, rng) => ({ ...entry, shape: entry.shape.with(rng.below(entry.shape.length), number(rng)) })),
  withEntry(entry => ({ ...entry, shape: [...entry.shape, 1] })),
  withEntry((entry, _, rng) => ({ ...entry, shape: [], data_offsets: [rng.below(60), rng.below(60)] })),
]

function safely<T>(change: () => T, otherwise: T): T {
  try {
    return change()
  } catch {
    return otherwise
  }
}

/** Everything that is done with an adapter before it meets a model, and the check that it fits one. */
const use = (files: Map<string, Uint8Array>): void => {
  const { adapter, base } = decodePeft(files, 'here')
  identify(adapter)
  for (const module of modules) scaleOf(adapter.config, module)
  encodePeft(adapter, base)
  requireFit(adapter, model, 'model')
}

describe('damaged files are refused in words, at once, without asking for much memory', { timeout: 120_000 }, () => {
  test('safetensors', () => {
    const seen = fuzz(mutations(1, INPUTS, [weights], structural), bytes => readSafetensors(bytes, 'file'))
    console.info('safetensors', seen)
    expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(INPUTS / 50)
  })

  test('an adapter with damaged weights', () => {
    const inputs = mutations(2, INPUTS, [weights], structural)
    const seen = fuzz(inputs, bytes => use(new Map([...sound, ['adapter_model.safetensors', bytes]])))
    console.info('weights', seen)
    expect(seen.read + seen.refused).toBe(INPUTS)
  })

  test('an adapter with a damaged configuration', () => {
    const odd = [
      '(a+)+$',
      '(',
      '(?=a)b',
      '[',
      '.*',
      '^',
      '\\',
      '(.*a){200}',
      '(?:x{1000}){3}',
      'a'.repeat(4000),
      '(a?){900}',
    ]
    const fields = [
      'rank_pattern',
      'alpha_pattern',
      'target_modules',
      'exclude_modules',
      'layers_pattern',
      'r',
      'lora_alpha',
    ]
    const edit =
      (value: (rng: Random) => unknown, names = fields): Mutation =>
      (bytes, rng) =>
        safely(() => encode(JSON.stringify({ ...JSON.parse(decode(bytes)), [pick(names, rng)]: value(rng) })), bytes)
    const pick = <T>(items: readonly T[], rng: Random): T => items[rng.below(items.length)]!
    const kinds: Mutation[] = [
      (bytes, rng) => safely(() => encode(mutateJson(decode(bytes), rng)), bytes),
      edit(rng => ({ [pick(odd, rng)]: rng.below(4), [pick(odd, rng)]: 1 })),
      edit(rng => pick([pick(odd, rng), [pick(odd, rng)], number(rng), null], rng)),
      edit(rng => pick([0, [0, 1], [], -1, [number(rng)]], rng), ['layers_to_transform']),
    ]
    const seen = fuzz(mutations(3, INPUTS, [config], kinds), bytes =>
      use(new Map([...sound, ['adapter_config.json', bytes]])),
    )
    console.info('configuration', seen)
    expect(seen.refused).toBeGreaterThan(INPUTS / 50)
  })
})

describe('what a header claims is not believed', () => {
  const claim = (dims: number[], bytes: number) => {
    const header = encode(JSON.stringify({ w: { dtype: 'F32', shape: dims, data_offsets: [0, bytes] } }))
    const out = Buffer.alloc(8 + header.length + 8)
    out.writeBigUInt64LE(BigInt(header.length))
    out.set(header, 8)
    return new Uint8Array(out)
  }
  test.each([
    [[2 ** 28], 2 ** 30],
    [[2 ** 26, 2 ** 26], 2 ** 53 - 1],
    [[2 ** 53 - 1, 0], 0],
  ])('a tensor %j of %d bytes in a file of 100', (dims, bytes) => {
    const { error, largest } = watch(() => readSafetensors(claim(dims, bytes), 'file'))
    expect(error).toBeInstanceOf(InputError)
    expect(largest).toBeLessThan(1000)
  })

  test('the watch itself sees what is asked for', () => {
    expect(watch(() => new Float32Array(1000)).largest).toBe(4000)
    expect(watch(() => new ArrayBuffer(2 ** 40)).error).toBeInstanceOf(Error)
  })

  test('the mutations are the same for the same seed, and differ', () => {
    const some = () => [...mutations(1, 100, [weights], structural)].map(b => Buffer.from(b).toString('hex'))
    expect(some()).toEqual(some())
    expect(new Set(some()).size).toBeGreaterThan(80)
  })
})
