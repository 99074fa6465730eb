import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { MemoryBenchExampleSource, type MemoryBenchOptions } from '../../src/adapters/memorybench/index.js'
import { parsePython } from '../../src/adapters/memorybench/python.js'
import { InputError } from '../../src/errors.js'
import { LoRAHarness } from '../../src/harness/index.js'
import { collect, toy } from '../harness/toy.js'

const folder = mkdtempSync(join(tmpdir(), 'memorybench-'))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

let count = 0
/** Writes files into a new folder and gives its path. */
function files(contents: Record<string, string>): string {
  const root = join(folder, String(count++))
  for (const [name, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

const record = (test_idx: number, more: object = {}) => ({
  split: 'train',
  test_idx,
  origin_question: 'What does Ola fly?',
  input_prompt: `Question ${test_idx}: What does Ola fly? Short answer:`,
  dataset_name: 'Locomo-0',
  lang: 'en',
  info: { golden_answer: 'red kites', category: 4, evidence: [{ dia_id: 'D1:1' }] },
  ...more,
})
const lines = (...records: object[]) => records.map(r => `${JSON.stringify(r)}\n`).join('')
const open = (path: string, options: Partial<MemoryBenchOptions> = {}) => [
  ...new MemoryBenchExampleSource({ datasetType: 'single', name: 'Locomo-0', path, ...options }),
]
const asFile = (...records: object[]) => join(files({ 'records.json': JSON.stringify(records) }), 'records.json')

test('a record becomes an example', async () => {
  const [example] = open(asFile(record(7)))
  const { evaluate, ...fields } = example!
  expect(fields).toEqual({
    datasetName: 'Locomo-0',
    split: 'train',
    testIdx: 7,
    messages: [{ role: 'user', content: 'Question 7: What does Ola fly? Short answer:' }],
    lang: 'en',
    userPrompt: 'Question 7: What does Ola fly? Short answer:',
    target: 'red kites',
    info: { golden_answer: 'red kites', category: 4, evidence: [{ dia_id: 'D1:1' }] },
    metadata: { origin_question: 'What does Ola fly?' },
    chatId: 'Locomo-0',
  })
  expect(await evaluate('a kite')).toMatchObject({ f1: 2 / 3, golden_answer: 'red kites', category: '4' })
})

test('the loop runs on it', async () => {
  const exampleSource = () =>
    new MemoryBenchExampleSource({ datasetType: 'single', name: 'Locomo-0', path: asFile(record(1), record(2)) })
  const harness = new LoRAHarness({ exampleSource, ...toy, inferenceFn: () => 'Red kite.' })
  expect(await harness.total()).toBe(2)
  const results = await collect(harness.run())
  expect(results.map(r => r.metrics)).toEqual([{ f1: 1 }, { f1: 1 }])
  expect(results[0]!.details).toMatchObject({ golden_answer: 'red kites', category: '4' })
})

describe('category 5', () => {
  const five = (golden_answer: unknown) => asFile(record(0, { info: { golden_answer, category: 5, evidence: [] } }))

  test('the target is the text of the option that says "Not mentioned"', () => {
    const targets = [
      '{"a": "Not mentioned in the conversation", "b": "kites"}',
      { b: 'Not mentioned in the conversation', a: 'kites' },
    ].map(answer => open(five(answer))[0]!.target)
    expect(targets).toEqual(Array(2).fill('Not mentioned in the conversation'))
  })

  test.each([
    ['kites', /record 1: reading the options kites/],
    ['{"a": "x", "b": "y"}', /record 1: no option of .* says "Not mentioned"/],
  ])('an answer key without it is an error: %s', (answer, message) => {
    expect(() => open(five(answer))).toThrow(message)
  })
})

describe('splits, names and limits', () => {
  const records = [
    record(0),
    record(1, { split: 'test' }),
    record(2, { dataset_name: 'Locomo-1' }),
    record(3),
    record(4, { split: 'test' }),
  ]
  const path = asFile(...records)
  const ids = (options: Partial<MemoryBenchOptions>) => open(path, options).map(e => `${e.datasetName}/${e.testIdx}`)

  test('train by default, test, or all with train first', () => {
    expect(ids({})).toEqual(['Locomo-0/0', 'Locomo-0/3'])
    expect(ids({ split: 'test' })).toEqual(['Locomo-0/1', 'Locomo-0/4'])
    expect(ids({ split: 'all' })).toEqual(['Locomo-0/0', 'Locomo-0/3', 'Locomo-0/1', 'Locomo-0/4'])
  })

  test('several sets follow one another, each with its limit', () => {
    expect(ids({ name: ['Locomo-1', 'Locomo-0'], limitPerDataset: 1 })).toEqual(['Locomo-1/2', 'Locomo-0/0'])
  })

  test('the chat id can be chosen', () => {
    const chats = open(path, { chatId: r => `${r.dataset_name}#${r.info.category}` }).map(e => e.chatId)
    expect(chats).toEqual(['Locomo-0#4', 'Locomo-0#4'])
  })

  test('a set or split without records is an error', () => {
    expect(() => ids({ name: 'Locomo-9' })).toThrow(/reading Locomo-9 from .*: no records of split train, 0 of any/)
    expect(() => ids({ name: 'Locomo-1', split: 'test' })).toThrow('no records of split test, 1 of any')
  })

  test.each([0, -1, 1.5, NaN])('limitPerDataset %d is refused', limitPerDataset => {
    expect(() => ids({ limitPerDataset })).toThrow(/limitPerDataset is .*; it must be a positive integer/)
  })
})

describe('names that there are not', () => {
  test.each([
    ['single', 'Locomo', 'there is no single "Locomo"; there are Locomo-0, '],
    ['single', ['Locomo-0', 'Open-Domain'], 'there is no single "Open-Domain"; there are Locomo-0, '],
    ['single', 'locomo0', 'there is no single "locomo0"; did you mean Locomo-0?; there are '],
    [
      'domain',
      'Legal ',
      'there is no domain "Legal "; did you mean Legal?; there are Open-Domain, Legal, Academic&Knowledge',
    ],
    ['task', 'Legal', 'there is no task "Legal"; there are Long-Short, '],
    ['set', 'Locomo-0', 'there is no datasetType "set"; there are single, domain, task'],
    ['single', [], 'no name is given'],
    ['single', '../../etc', 'there is no single "../../etc"; there are '],
  ] as const)('%s %j', (datasetType, name, said) => {
    const open = () => new MemoryBenchExampleSource({ datasetType: datasetType as 'single', name, path: folder })
    expect(open).toThrow(InputError)
    expect(open).toThrow(`opening MemoryBench: ${said}`)
  })

  test('nor splits and limits', () => {
    expect(() => open(folder, { split: 'dev' as 'test' })).toThrow('split is "dev"; it must be train, test or all')
    expect(() => open(folder, { limitPerDataset: 0 })).toThrow('limitPerDataset is 0; it must be a positive integer')
  })
})

describe('where the records are', () => {
  test('MEMORY_BENCH_PATH, where no path is given', () => {
    vi.stubEnv('MEMORY_BENCH_PATH', asFile(record(0)))
    expect([...new MemoryBenchExampleSource({ datasetType: 'single', name: 'Locomo-0' })]).toHaveLength(1)
    vi.stubEnv('MEMORY_BENCH_PATH', '')
    expect(() => new MemoryBenchExampleSource({ datasetType: 'single', name: 'Locomo-0' })).toThrow(
      'give `path`, or set MEMORY_BENCH_PATH',
    )
  })

  const { split: _, ...bare } = record(5)
  const test_ = { ...bare, test_idx: 6 }
  test.each([
    ['records.jsonl', { 'records.jsonl': `${lines(record(5), { ...test_, split: 'test' })}\n` }],
    ['', { 'dataset/Locomo-0/train.jsonl': lines(bare), 'dataset/Locomo-0/test.jsonl': lines(test_) }],
    ['', { 'Locomo-0/train.json': JSON.stringify([bare]), 'Locomo-0/test.json': JSON.stringify([test_]) }],
    ['', { 'dataset/Locomo-0/train/a.jsonl': lines(bare), 'dataset/Locomo-0/test/a.json': JSON.stringify([test_]) }],
    ['', { 'dataset/Locomo-0.jsonl': lines(record(5), { ...test_, split: 'test' }) }],
  ])('%s %j', (file, contents) => {
    const path = join(files(contents as Record<string, string>), file)
    expect(open(path).map(e => e.testIdx)).toEqual([5])
    expect(open(path, { split: 'all' }).map(e => [e.split, e.testIdx])).toEqual([
      ['train', 5],
      ['test', 6],
    ])
  })

  test('nothing there', () => {
    expect(() => open(join(folder, 'nowhere'))).toThrow('reading MemoryBench: there is no ')
    expect(() => open(files({ 'README.md': '' }))).toThrow(
      /found none of its files; right would be dataset\/Locomo-0\//,
    )
    expect(() => open(join(files({ 'a.csv': '' }), 'a.csv'))).toThrow('the name must end in .json or .jsonl')
  })
})

describe('malformed records name their place and field', () => {
  test.each([
    ['records.jsonl', `${lines(record(0))}{"oops`, /records\.jsonl, line 2: /],
    ['records.json', '[{]', /records\.json: /],
    ['records.json', '{"a": 1}', /found object; it must hold an array/],
    [
      'records.json',
      JSON.stringify([record(0), record(1, { input_prompt: undefined })]),
      /record 2: [\s\S]*input_prompt/,
    ],
    [
      'records.json',
      JSON.stringify([record(0, { info: { golden_answer: 'x', category: 6 } })]),
      /record 1: [\s\S]*category/,
    ],
    [
      'records.json',
      JSON.stringify([record(0, { info: 'f(x)' })]),
      /record 1: [\s\S]*neither JSON nor a Python literal/,
    ],
    [
      'records.json',
      JSON.stringify([record(0, { split: undefined })]),
      /record 1: no split; it must be "train" or "test"/,
    ],
    ['records.json', JSON.stringify([record(0, { dataset_name: undefined })]), /record 1: [\s\S]*dataset_name/],
    ['records.json', '[null]', /record 1: /],
  ])('%s %#', (name, text, message) => {
    const read = () => open(join(files({ [name]: text }), name))
    expect(read).toThrow(InputError)
    expect(read).toThrow(message)
  })
})

describe('cells that are strings', () => {
  const info = (cell: string) => open(asFile(record(0, { info: cell })))[0]!.info

  test('Python literals and JSON are read, and answers become text', () => {
    expect(info(`{'golden_answer': 2022, 'category': 2, 'evidence': [{'text': "it's", 'n': None}]}`)).toEqual({
      golden_answer: '2022',
      category: 2,
      evidence: [{ text: "it's", n: null }],
    })
    expect(info('{"golden_answer": true, "category": 4}')).toMatchObject({ golden_answer: 'True', evidence: [] })
    expect(
      info(`{'golden_answer': {'a': 'Not mentioned in the conversation', 'b': "x's"}, 'category': 5}`).golden_answer,
    ).toBe(`{"a": "Not mentioned in the conversation", "b": "x's"}`)
  })

  // Expected values from Python 3.11's ast.literal_eval.
  test.each([
    [`{'a': (1, -2.5e-3, ), 'b': [True, None,]}`, { a: [1, -0.0025], b: [true, null] }],
    [String.raw`'\x41\u00e9\U0001F600\n\\\'\q\101'`, "Aé😀\n\\'\\qA"],
    [String.raw`"it's \"so\""`, `it's "so"`],
    ['( )', []],
    [' {} ', {}],
    [`{'__proto__': 1, 2: 'two'}`, JSON.parse('{"__proto__": 1, "2": "two"}')],
    ['.5', 0.5],
  ])('%s', (text, value) => {
    expect(parsePython(text)).toEqual(value)
  })

  test.each([
    '',
    '[1 2]',
    '[,]',
    `'open`,
    `{'a'}`,
    `__import__('os')`,
    'true',
    '1 + 1',
    '[1]]',
    'nan',
    `'two\nlines'`,
    '['.repeat(10_000),
  ])('refused: %.20j', text => {
    expect(() => parsePython(text)).toThrow(/^reading a Python literal: expected .* at character \d+, found /)
  })
})

const REBUILT = '../shared/data/memorybench/locomo_memorybench_rebuilt.json'
test.skipIf(!existsSync(REBUILT))(
  'the 250 LoCoMo records: all are read, and every golden answer scores 1',
  async () => {
    const name = [...Array(10).keys()].map(i => `Locomo-${i}`)
    const examples = open(REBUILT, { name, split: 'all' })
    expect(examples).toHaveLength(JSON.parse(readFileSync(REBUILT, 'utf8')).length)
    const results = await Promise.all(examples.map(async e => ({ e, f1: (await e.evaluate(e.target!)).f1 })))
    expect(results.filter(r => r.f1 !== 1).map(r => [r.f1, r.e.info.category, r.e.target])).toEqual([])
  },
)
