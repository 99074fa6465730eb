import { describe, expect, test } from 'vitest'
import { sourceReader } from '../../../kernel-ext/src/cells/sources.js'

/** Text of `of` after these cells. */
function textAfter(of: unknown, ...cells: string[]): string {
  return sourceReader(() => cells.map((code, i) => ({ number: i + 1, code }))).text(of)
}
/** A function with this text. */
const fn = (text: string): unknown => new Function(`return (${text})`)()

/** The function that a kernel has. */
const named = (js: string): unknown =>
  Object.defineProperty(
    Object.assign(() => {}, { toString: () => js }),
    'name',
    { value: /^function (\w+)/.exec(js)?.[1] ?? '' },
  )

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

  test.each<[what: string, js: string, typescript: string]>([
    ['types', '(a, b) => a + b', '(a: number, b?: string): number => a + b!'],
    ['a declared function', 'function f(x) {\n    return x;\n}', 'function f<T>(this: void, x: T): T { return x }'],
    ['a method', "m(x) { return x + 'a'; }", 'm(x: string): string { return x + "a" }'],
    ['comments and layout', '() => {\n    return 1;\n}', '() => { // why\n  return 1\n}'],
    ['names of cells', '() => exports.rate * exports.seed++', '() => rate * seed++'],
    ['names of packages', "() => (0, lora_harness_1.skip)('x')", "() => skip('x')"],
    [
      'our kernel’s shorthands',
      '() => ({ seed: "seed" in exports ? exports.seed : seed, a: 1 })',
      '() => ({ seed, a: 1 })',
    ],
    ['tslab’s shorthands', '() => ({ seed: exports.seed })', '() => ({ seed })'],
    ['casts', '() => [...rows]', '() => [...(rows as any[])] satisfies unknown'],
    ['numbers and quotes', '() => [0.1, "a"]', "() => [0.10, 'a']"],
    [
      'within another one',
      '({ x }, lora) => x ?? lora?.path',
      'const outer = (n: number): Fn => ({ x }, lora) => x ?? lora?.path',
    ],
  ])('is the TypeScript of its cell: %s', (_what, js, typescript) => {
    const cell = typescript.startsWith('m(') ? `const o = { ${typescript} }` : `const name = ${typescript}`
    const declared = /^(const|function)/.test(typescript) ? typescript : cell
    const expected = typescript.replace(/^const outer = .*?=> /, '')
    const text = sourceReader(() => [{ number: 1, code: `// a cell\n${declared}` }]).text(named(js))
    expect(text).toBe(expected)
  })

  test('another cell with the same function in other words does not change a text that was given', () => {
    const cells = [{ number: 1, code: 'h.finetuneFn = (a: number) => null' }]
    const sources = sourceReader(() => cells)
    const set = named('a => null')
    expect(sources.text(set)).toBe('(a: number) => null')
    cells.push({ number: 2, code: 'const other = (a: string) => null' })
    expect(sources.text(set)).toBe('(a: number) => null')
    expect(sources.text(named('a => null'))).toBe('(a: string) => null')
    expect([sources.isOfCell(set), sources.isOfCell(named('b => null'))]).toEqual([true, false])
  })

  test('what is no function is its text', () => {
    expect(textAfter('x', 'const x = 1')).toBe('x')
  })
})
