import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beginOf, distance, type Part, SHOWN, wordDiff } from '../src/model/worddiff.js'

const written = (parts: readonly Part[]) =>
  parts.map(({ kind, text }) => (kind === 'same' ? text : `${kind === 'added' ? '+' : '−'}[${text}]`)).join('')
const without = (parts: readonly Part[], kind: Part['kind']) =>
  parts.flatMap(part => (part.kind === kind ? [] : [part.text])).join('')

describe('word diff', () => {
  test('words that changed in a row are one change', () => {
    expect(written(wordDiff('It is a shade of green, I think.', 'It is blue.')!)).toBe(
      'It is −[a shade of green, I think]+[blue].',
    )
    expect(written(wordDiff('one two three', 'one 2 3')!)).toBe('one −[two three]+[2 3]')
    expect(written(wordDiff('I like tea', 'I really like tea')!)).toBe('I +[really ]like tea')
    expect(wordDiff('same', 'same')).toEqual([{ kind: 'same', text: 'same' }])
    expect(wordDiff('', '')).toEqual([])
  })

  test('scripts without spaces change sign by sign', () => {
    expect(written(wordDiff('我喜欢红茶', '我喜欢绿茶')!)).toBe('我喜欢−[红]+[绿]茶')
  })

  test('gives back both texts to the last sign', () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .array(fc.constantFrom('a', 'b', 'the', ' ', '  ', '\n', '.', '\ud800', '\0', '\u202e', '<b>'))
        .map(of => of.join('')),
    )
    fc.assert(
      fc.property(text, text, (before, after) => {
        const parts = wordDiff(before, after, 5000)!
        expect(without(parts, 'added')).toBe(before)
        expect(without(parts, 'removed')).toBe(after)
      }),
    )
  })

  test('says so if the texts have too little in common', () => {
    const words = (seed: number) => Array.from({ length: 20_000 }, (_, i) => `${seed}x${i}`).join(' ')
    expect(wordDiff(words(1), words(2), 20)).toBeNull()
  })

  test('distance goes from 0 for equal texts to 1 for nothing in common', () => {
    expect(distance('a b', 'a b')).toBe(0)
    expect(distance('a b', 'c d')).toBe(1)
    expect(distance('a b', 'b a')).toBe(1e-3)
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(distance(a, b)).toBe(distance(b, a))
        expect(distance(a, b) === 0).toBe(a === b)
        expect(distance(a, b)).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('the begin of a text never ends in half a sign', () => {
    expect(beginOf('abc', 3)).toBe('abc')
    expect(beginOf('ab😀', 3)).toBe('ab')
    expect(beginOf('x'.repeat(SHOWN + 1))).toHaveLength(SHOWN)
  })
})
