import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../src/errors.js'
import { parseJson } from '../src/json.js'

describe('untrusted JSON', () => {
  test('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 1, '\t'), (text, space) => {
        const spaced = JSON.stringify(JSON.parse(text), null, space)
        expect(parseJson(spaced, 'it')).toEqual(JSON.parse(spaced))
        expect(parseJson(new TextEncoder().encode(spaced), 'it')).toEqual(JSON.parse(spaced))
      }),
    )
  })

  test('the same key in two objects, or as a value, is no key twice', () => {
    for (const text of ['{"a":{"a":1},"b":[{"a":1},{"a":"a"}]}', '[["a","a"],"a"]', '{"a":"\\"a\\":1","b":"{\\"a"}'])
      expect(parseJson(text, 'it')).toEqual(JSON.parse(text))
  })

  test.each([
    ['a key twice', '{"a":1,"a":2}', 'the key "a" appears twice in one object'],
    ['twice, once escaped', '{"x":{"b":1,"\\u0062" : 2}}', 'the key "b" appears twice in one object'],
    ['twice, with another object between', '[{"a":{"c":[]},"a":0}]', 'the key "a" appears twice in one object'],
    ['deep arrays', '['.repeat(101) + ']'.repeat(101), 'it nests deeper than 100'],
    ['deep objects', '{"a":'.repeat(1e6), 'it nests deeper than 100'],
    ['an end in a string', '{"a', 'Unterminated string'],
    ['an end in an escape', '"\\', ''],
    ['a quote that is escaped', '{"\\":1}', ''],
    ['no number', '{"a":NaN}', 'Unexpected token'],
    ['nothing', '', 'Unexpected end'],
    ['too many brackets', '}]}', 'Unexpected token'],
  ])('%s', (_, text, why) => {
    expect(() => parseJson(text, 'reading x.json')).toThrow(InputError)
    expect(() => parseJson(text, 'reading x.json')).toThrow(`reading x.json: no JSON: ${why}`)
  })

  test('bytes that are no UTF-8 are refused, not replaced', () => {
    expect(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22), 'reading x.json')).toThrow('reading x.json: no JSON: ')
  })

  test('a hundred deep is read', () => {
    expect(parseJson('['.repeat(100) + ']'.repeat(100), 'it')).toBeInstanceOf(Array)
  })
})
