import { describe, expect, test } from 'vitest'
import { sourceReader } from '../../../kernel-ext/src/cells/sources.js'

/** Text of `of` after these cells. */
function textAfter(of: unknown, ...cells: string[]): string {
  return sourceReader(() => cells.map((code, i) => ({ number: i + 1, code })))(of)
}
/** A function with this text. */
const fn = (text: string): unknown => new Function(`return (${text})`)()

describe('the text of a function with what it names of the notebook', () => {
  const own = 'x => rate * x'
  test.each<[what: string, cells: string[], expected: string[]]>([
    ['nothing but itself', ['const other = 1'], [own]],
    ['a constant', ['const rate = 0.1'], ['const rate = 0.1', own]],
    ['as declared last', ['const rate = 0.1', 'const rate = 0.2'], ['const rate = 0.2', own]],
    ['assigned', ['let rate = 1', 'rate = 2', 'rate++'], ['let rate = 1', 'rate = 2', 'rate++', own]],
    ['declared after an assignment', ['let rate = 1\nrate = 2', 'let rate = 3'], ['let rate = 3', own]],
    ['a part assigned', ['const rate: any = {}', 'rate.x[0] = 2'], ['const rate: any = {}', 'rate.x[0] = 2', own]],
    ['through others', ['const base = 2', 'const rate = base / 2'], ['const base = 2', 'const rate = base / 2', own]],
    ['a function', ['function rate(): number { return 1 }'], ['function rate(): number { return 1 }', own]],
    ['an import', ['import { rate, b } from "rates"'], ['import { rate, b } from "rates"', own]],
    ['destructured', ['const { a, b: [rate] } = f()'], ['const { a, b: [rate] } = f()', own]],
    ['not in a comment or a text', ['// const rate = 1\nconst s = "const rate = 1"'], [own]],
    ['a cell that is broken', ['const rate = (((', 'const ok = 1'], ['const rate = (((', own]],
  ])('%s', (_what, cells, expected) => {
    expect(textAfter(fn(own), ...cells)).toBe(expected.join('\n'))
  })

  test.each<[what: string, text: string]>([
    ['a property', 'x => x.rate'],
    ['a key', '() => ({ rate: 1 })'],
    ['a parameter', 'rate => rate'],
    ['a variable of its own', '() => { const rate = 1; return rate }'],
  ])('%s of that name is not it', (_what, text) => {
    expect(textAfter(fn(text), 'const rate = 0.1')).toBe(text)
  })

  test('the JavaScript of cells: names are properties of `exports`', () => {
    expect(textAfter(fn('x => exports.rate * x'), 'const rate = 1')).toBe('const rate = 1\nx => exports.rate * x')
  })

  test('a declared function does not stand there twice', () => {
    expect(textAfter(fn('function learn() { return rate }'), 'function learn() { return rate }', 'let rate = 1')).toBe(
      'let rate = 1\nfunction learn() { return rate }',
    )
  })

  test('harnesses, forks and what they give are not followed', () => {
    const cells = [
      'const h = await harness({ id: "x" })',
      'const f = await h.fork({ at: 1 })',
      'h.finetuneFn = () => 1',
    ]
    expect(textAfter(fn('() => h.results.length + f.results.length'), ...cells)).toBe(
      '() => h.results.length + f.results.length',
    )
  })

  test('names that name each other end', () => {
    const cells = ['const a = () => b()', 'const b = () => a()']
    expect(textAfter(fn('() => a()'), ...cells)).toBe('const a = () => b()\nconst b = () => a()\n() => a()')
  })

  test('what is no function is its text', () => {
    expect(textAfter('x', 'const x = 1')).toBe('x')
  })
})
