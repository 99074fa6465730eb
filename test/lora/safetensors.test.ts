import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { readSafetensors, type Safetensors, writeSafetensors } from '../../src/lora/safetensors.js'

const read = (bytes: Uint8Array) => readSafetensors(bytes, 'a.safetensors')

/** A file with this header, whatever it says, and `length` bytes of data. */
function file(header: unknown, length = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + text.length + length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  return bytes
}
const entry = (shape: unknown, from: unknown, to: unknown, dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [from, to],
})

const tensor = fc.array(fc.nat(3), { maxLength: 3 }).chain(dims => {
  const n = dims.reduce((product, d) => product * d, 1)
  return fc.float32Array({ minLength: n, maxLength: n }).map(data => ({ dims, data }))
})
/** Any text but the two names that are no tensor's. */
const name = fc.string({ minLength: 1 }).filter(s => s !== '__metadata__' && s !== '__proto__')
const contents: fc.Arbitrary<Safetensors> = fc.record({
  tensors: fc.dictionary(name, tensor, { maxKeys: 4 }).map(o => new Map(Object.entries(o))),
  metadata: fc.dictionary(name, fc.string(), { maxKeys: 3 }),
})

describe('safetensors', () => {
  test('reading gives what was written, bit for bit', () => {
    fc.assert(
      fc.property(contents, written => {
        const again = read(writeSafetensors(written))
        expect(again.metadata).toEqual(written.metadata)
        expect(again.tensors).toEqual(written.tensors)
      }),
    )
  })

  test('the order of the tensors does not change the file', () => {
    const [a, b] = [1, 2].map(x => ({ dims: [1], data: Float32Array.of(x) }))
    const [one, two] = [
      [
        ['a', a],
        ['b', b],
      ],
      [
        ['b', b],
        ['a', a],
      ],
    ].map(t => writeSafetensors({ tensors: new Map(t as never), metadata: {} }))
    expect(one).toEqual(two)
  })

  test.each<[string, Uint8Array]>([
    ['not a safetensors file: 3 bytes', new Uint8Array(3)],
    ['the header is said to have 4702111234474983000 bytes, the file has 8', new TextEncoder().encode('AAAAAAAA')],
    [
      'the header is said to have 9 bytes, the file has 16',
      Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    ],
    ['the header is no JSON object', file('[]')],
    ['the header is no JSON object', file('null')],
    ['tensor w: ', file({ w: 1 })],
    ['tensor w: ', file({ w: entry([-1], 0, 4) }, 4)],
    ['tensor w: ', file({ w: entry([1], 0, '4') }, 4)],
    ['tensor w has type F64; F32, F16, BF16 are supported', file({ w: entry([1], 0, 8, 'F64') }, 8)],
    ['tensor w has type constructor; F32, ', file({ w: entry([1], 0, 4, 'constructor') }, 4)],
    ['tensor w [1] needs 2 bytes, found 4', file({ w: entry([1], 0, 4, 'BF16') }, 4)],
    ["a tensor's name has 1001 characters; at most 1000 are read", file({ ['w'.repeat(1001)]: entry([0], 0, 0) })],
    ['tensor w [2] needs 8 bytes, found 4', file({ w: entry([2], 0, 4) }, 4)],
    ['tensor w [1] needs 4 bytes, found -4', file({ w: entry([1], 4, 0) }, 4)],
    ['tensor w ends at byte 70, the file has 66; it is cut short', file({ w: entry([2], 0, 8) }, 4)],
    ['its tensors take 4 bytes of 8; it is damaged', file({ w: entry([1], 0, 4) }, 8)],
    [
      'tensor v starts at byte 0 of the data, where 4 was expected; it is damaged',
      file({ w: entry([1], 0, 4), v: entry([1], 0, 4) }, 8),
    ],
    ['its metadata are not texts', file({ __metadata__: { a: 1 } })],
  ])('%s', (message, bytes) => {
    expect(() => read(bytes)).toThrow(InputError)
    expect(() => read(bytes)).toThrow(`reading a.safetensors: ${message}`)
  })

  test.each<[string, Uint8Array]>([
    ["Expected property name or '}'", file('{')],
    ['The encoded data was not valid', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe)],
    ['the key "w" appears twice in one object', file('{"w":1,"\\u0077":2}')],
    ['it nests deeper than 100', file('['.repeat(1e6))],
  ])('a header that is no JSON: %s', (message, bytes) => {
    expect(() => read(bytes)).toThrow(InputError)
    expect(() => read(bytes)).toThrow(`reading a.safetensors, header: no JSON: ${message}`)
  })

  /** Two-byte elements of a file, read. */
  const halves = (dtype: string, bits: readonly number[]): Float32Array => {
    const bytes = file({ w: entry([bits.length], 0, bits.length * 2, dtype) }, bits.length * 2)
    bytes.set(new Uint8Array(Uint16Array.from(bits).buffer), bytes.length - bits.length * 2)
    return read(bytes).tensors.get('w')!.data
  }

  test('float16 is read exactly: every one of its 65536 values', () => {
    const bits = Array.from({ length: 65536 }, (_, i) => i)
    const expected = bits.map(b => {
      // The definition: (−1)^s · 2^(e−15) · (1 + m/1024), or m · 2^−24 where e is 0.
      const [sign, e, m] = [b >> 15 ? -1 : 1, (b >> 10) & 31, b & 1023]
      if (e === 31) return m ? Number.NaN : sign * Number.POSITIVE_INFINITY
      return sign * (e === 0 ? m * 2 ** -24 : 2 ** (e - 15) * (1 + m / 1024))
    })
    expect(halves('F16', bits)).toEqual(Float32Array.from(expected))
  })

  test('bfloat16 is read exactly: the upper half of a float32', () => {
    const values = Float32Array.of(0, -0, 1, -1.5, 3e38, 1e-40, Number.POSITIVE_INFINITY, Number.NaN)
    const bits = [...new Uint32Array(values.buffer)].map(b => b >>> 16)
    const back = Float32Array.from(new Float32Array(Uint32Array.from(bits, b => b << 16).buffer))
    expect(halves('BF16', bits)).toEqual(back)
    expect(back.slice(0, 4)).toEqual(values.slice(0, 4))
  })

  test('damaged bytes are an InputError or some tensors, never another error', () => {
    const sound = writeSafetensors({
      tensors: new Map([
        ['a', { dims: [2, 1], data: Float32Array.of(1, 2) }],
        ['b', { dims: [1], data: Float32Array.of(3) }],
      ]),
      metadata: { format: 'pt' },
    })
    const at = fc.nat(sound.length - 1)
    const damage = fc.oneof(
      at.map(n => sound.subarray(0, n)),
      fc
        .array(
          fc.tuple(
            at,
            fc.oneof(fc.nat(255), fc.constantFrom(...'0123456789-[]{}",.eF'.split('').map(c => c.charCodeAt(0)))),
          ),
          { minLength: 1, maxLength: 6 },
        )
        .map(edits => {
          const bytes = sound.slice()
          for (const [i, byte] of edits) bytes[i] = byte
          return bytes
        }),
      fc.json().map(text => file(text, 4)),
      fc.uint8Array({ maxLength: 40 }),
    )
    fc.assert(
      fc.property(damage, bytes => {
        try {
          for (const t of read(bytes).tensors.values()) expect(t.data.length).toBeLessThanOrEqual(bytes.length / 4)
        } catch (error) {
          expect(error).toBeInstanceOf(InputError)
        }
      }),
      { numRuns: 3000 },
    )
  })
})
