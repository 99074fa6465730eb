import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseColumn } from '../../../src/adapters/memorybench/index.js'
import { parsePython, strip } from '../../../src/adapters/memorybench/python.js'
import { processorTime } from '../../helpers/measures.js'

const read = (text: string): { value: unknown } | null => {
  try {
    return { value: parsePython(text) }
  } catch {
    return null
  }
}

function python(): string | undefined {
  return ['python3', 'python'].find(name => {
    try {
      return /^Python 3\./.test(execFileSync(name, ['--version'], { encoding: 'utf8' }))
    } catch {
      return false
    }
  })
}
const PYTHON = python()

/** What `repr` never writes for plain data, so that a text may well be a literal for Python alone. */
const ONLY_PYTHON =
  /[bBrRuUfF]['"]|'''|"""|\\N|\\\r|\\\n|#|\.\.\.|\d_\d|0[xXbBoO]|\d[jJ]|set\(\)|[-+]\s*\(|[-+]\s*[-+]|\{[^:]*\}|\)\s*:/

interface Case {
  kind: string
  text: string
  value?: unknown
  other?: boolean
}

test.skipIf(!PYTHON)(
  'differential fuzz against ast.literal_eval: what both read is the same, what it refuses is refused',
  () => {
    const args = ['test/adapters/memorybench/literals.py', '20000', '8']
    const lines = execFileSync(PYTHON!, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
    const figures: Record<string, { texts: number; same: number; bothRefuse: number; onlyPython: number }> = {}
    for (const line of lines.trim().split('\n')) {
      const { kind, text, value, other } = JSON.parse(line) as Case
      figures[kind] ??= { texts: 0, same: 0, bothRefuse: 0, onlyPython: 0 }
      const seen = figures[kind]
      seen.texts++
      const ours = read(text)
      if (value === undefined && !ours) seen[other ? 'onlyPython' : 'bothRefuse']++
      else if (value === undefined) expect.soft(ours, `Python refuses ${JSON.stringify(text)}`).toBe(null)
      else if (ours) {
        expect(infinities(ours.value), JSON.stringify(text)).toEqual(value)
        seen.same++
      } else {
        expect.soft(text, `Python reads ${JSON.stringify(text)}`).toMatch(ONLY_PYTHON)
        seen.onlyPython++
      }
    }
    console.table(figures)
    expect(figures.repr!.onlyPython).toBe(0)
    for (const seen of Object.values(figures)) expect(seen.same).toBeGreaterThan(500)
  },
  120_000,
)

/** Numbers that JSON lacks, as the script writes them. */
function infinities(value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY)
    return { float: value > 0 ? 'inf' : '-inf' }
  if (Array.isArray(value)) return value.map(infinities)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, infinities(each)]))
}

test('what repr writes of nested data is read back, with or without Python', () => {
  const quoted = (text: string) =>
    `'${text.replace(/[\\'\n\r\0]/g, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}'`
  const repr = (value: unknown): string => {
    if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`
    if (typeof value === 'string') return quoted(value)
    if (typeof value === 'object' && value !== null)
      return `{${Object.entries(value)
        .map(([key, each]) => `${quoted(key)}: ${repr(each)}`)
        .join(', ')}}`
    if (typeof value === 'number' && !Number.isSafeInteger(value))
      return /[.e]/.test(`${value}`) ? `${value}` : `${value}.0`
    return { null: 'None', true: 'True', false: 'False' }[String(value)] ?? String(value)
  }
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), value => {
      // JSON has no -0, and repr of an integer has none either.
      const plain = JSON.parse(JSON.stringify(value))
      expect(parsePython(repr(plain))).toEqual(plain)
    }),
    { numRuns: 500 },
  )
})

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const nulls = (levels: number) => deep(levels).replace('[]', '[null]')

test.each([
  ['None', null],
  [`[{'role': 'user', 'content': None}]`, [{ role: 'user', content: null }]],
  ['{"role": "user", "content": null}', { role: 'user', content: null }],
  ['null', null],
  ['true', true],
  [`{'a': nan}`, `{'a': nan}`],
  ['free text', 'free text'],
  ['', ''],
  ["b'x'", "b'x'"],
  ['9007199254740993', '9007199254740993'],
  ['-18446744073709551616', '-18446744073709551616'],
  [deep(100_000), deep(100_000)],
  [deep(199), JSON.parse(deep(199))],
  [nulls(199), JSON.parse(nulls(199))],
  [nulls(200), nulls(200)],
])('a cell of info: %#', (cell, value) => {
  expect(parseColumn('info', cell)).toEqual(value)
})

test('only the nested columns are read, and only text', () => {
  for (const name of ['info', 'input_chat_messages', 'dialog', 'dialog_bm25', 'implicit_feedback_mistral'])
    expect(parseColumn(name, '[1]'), name).toEqual([1])
  for (const name of ['input_prompt', 'origin_question', 'information', 'my_dialog'])
    expect(parseColumn(name, '[1]'), name).toBe('[1]')
  expect(parseColumn('info', 3)).toBe(3)
})

test('keys that JavaScript gives a meaning are keys like others', () => {
  for (const text of [`{'__proto__': {'polluted': 1}, 'constructor': 2}`, '{"__proto__": {"polluted": null}}']) {
    const value = parseColumn('info', text) as Record<string, unknown>
    expect(Object.keys(value)[0]).toBe('__proto__')
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect((value as { polluted?: unknown }).polluted).toBeUndefined()
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

const MILLION = 1_000_000
describe('hostile texts of a million characters take time in proportion to their length', () => {
  test.each<[string, (times: number) => string]>([
    ['an open string', times => `'${'a'.repeat(times)}`],
    ['an open string of escapes', times => `'${'\\a'.repeat(times / 2)}`],
    ['a bad escape at the end', times => `'${'\\a'.repeat(times / 2)}\\x'`],
    [
      'many strings',
      times =>
        `''`
          .split('')
          .join(' ')
          .repeat(times / 4),
    ],
    ['strings in a row', times => `'a' `.repeat(times / 4)],
    ['quotation marks', times => `'`.repeat(times)],
    ['digits', times => '1'.repeat(times)],
    ['digits and a letter', times => `${'1'.repeat(times)}x`],
    ['a float', times => `1.${'1'.repeat(times)}`],
    ['noughts', times => `${'0'.repeat(times)}1`],
    ['signs', times => '-'.repeat(times)],
    ['spaces', times => ' '.repeat(times)],
    ['spaces and newlines', times => ' \n'.repeat(times / 2)],
    ['spaces in brackets', times => `[${' '.repeat(times)}`],
    ['letters', times => 'T'.repeat(times)],
    ['open brackets', times => '['.repeat(times)],
    ['open and closed brackets', times => '[],'.repeat(times / 3)],
    ['a list', times => `[${'[],'.repeat(times / 3)}]`],
    ['an object', times => `{${"'a':1,".repeat(times / 6)}}`],
    ['JSON', times => `[${'{"a":null},'.repeat(times / 11)}null]`],
  ])('%s', (_, text) => {
    const cell = text(MILLION)
    // Linear work takes about 0.1 s; quadratic work on a million characters would take minutes.
    expect(processorTime(() => parseColumn('info', cell))).toBeLessThan(3000)
  })
})

test("strip takes off what Python's does", () => {
  expect(strip('\u3000\u2028\x85\x1c a b\ufeff \t')).toBe('a b\ufeff')
  expect(strip(' ')).toBe('')
})
