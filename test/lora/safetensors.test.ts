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
    ['the header is no JSON: ', file('{')],
    ['the header is no JSON: ', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe)],
    ['the header is no JSON object', file('[]')],
    ['the header is no JSON object', file('null')],
    ['tensor w: ', file({ w: 1 })],
    ['tensor w: ', file({ w: entry([-1], 0, 4) }, 4)],
    ['tensor w: ', file({ w: entry([1], 0, '4') }, 4)],
    ['tensor w has type BF16; F32 is supported', file({ w: entry([2], 0, 4, 'BF16') }, 4)],
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
