import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Field, Int64, List, Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow'
import { afterAll, describe, expect, test } from 'vitest'
import { readArrow } from '../../../src/adapters/memorybench/arrow.js'
import {
  corpusOf,
  feedbackOf,
  likedAnswers,
  MemoryBenchExampleSource,
  type MemoryBenchOptions,
} from '../../../src/adapters/memorybench/index.js'
import { InputError } from '../../../src/errors.js'
import { fuzz, type Mutation, mutations, putNumber } from '../../helpers/mutate.js'

/** Written by Hugging Face's own `datasets`: see make.py beside it. */
const FOLDER = 'test/fixtures/memorybench/folder'
const folder = mkdtempSync(join(tmpdir(), 'memorybench-arrow-'))
afterAll(() => rmSync(folder, { recursive: true }))

const open = (name: string, options: Partial<MemoryBenchOptions> = {}) => [
  ...new MemoryBenchExampleSource({ datasetType: 'single', name, path: FOLDER, ...options }),
]

describe('a folder that datasets wrote', () => {
  test('rows of a split in two parts, Python literals and JSON, a chat id that is the conversation', () => {
    const train = open('Locomo-0')
    expect(train.map(({ testIdx, split, chatId, target }) => [testIdx, split, chatId, target])).toEqual([
      [0, 'train', 'Locomo-0', 'red kites'],
      [1, 'train', 'Locomo-0', '2019'],
      [2, 'train', 'Locomo-0', 'über'],
    ])
    expect(train[0]!.metadata).toEqual({ origin_question: 'What does Ola fly?' })
    const [first, second] = open('Locomo-0', { split: 'test' })
    expect([first!.info.category, second!.info.category, second!.target]).toEqual([
      4,
      5,
      'Not mentioned in the conversation',
    ])
    expect(second!.info.golden_answer).toBe('{"a": "Not mentioned in the conversation", "b": "Ola\'s kite"}')
    expect(open('Locomo-0', { split: 'all', limitPerDataset: 4 }).map(e => e.split)).toEqual([
      'train',
      'train',
      'train',
      'test',
    ])
  })

  test('a chat as the prompt; Chinese; no target where the set has none', () => {
    const [judge] = open('JuDGE')
    expect(judge).toMatchObject({ lang: 'zh', target: '风筝是红色的。', userPrompt: "Case 0: it's…" })
    expect(judge!.messages.map(({ role }) => role)).toEqual(['system', 'user'])
    expect(open('NFCats')[0]!.target).toBeUndefined()
  })

  test('sets follow one another, and the source knows how many examples there are', async () => {
    const name = ['Locomo-0', 'DialSim-friends', 'JuDGE', 'NFCats']
    const source = new MemoryBenchExampleSource({ datasetType: 'single', name, split: 'all', path: FOLDER })
    expect(source.length).toBe(14)
    const names: string[] = []
    for await (const example of source) names.push(example.datasetName)
    expect(names).toHaveLength(14)
    expect([...new Set(names)]).toEqual(name)
  })

  test('an answer to a test row is scored with a warning in its details, to a train row without', async () => {
    expect(await open('Locomo-0', { split: 'test' })[0]!.evaluate('red kites')).toMatchObject({
      warning: expect.stringMatching(/test split/),
    })
    expect(await open('Locomo-0')[0]!.evaluate('red kites')).not.toHaveProperty('warning')
    expect(await open('DialSim-friends')[0]!.evaluate(' JOEY. ')).toMatchObject({ accuracy: true })
  })

  test('dialogs of a memory system come along when asked for, in the newer and the older form', () => {
    expect(open('Locomo-0')[0]!.metadata).not.toHaveProperty('feedback')
    const dialog = feedbackOf(open('Locomo-0', { feedback: 'mem0' })[1]!)!
    expect(dialog.column).toBe('dialog_mem0')
    expect(dialog.implicitFeedback).toEqual([
      { round: 1, actions: ['dislike'], terminated: false },
      { round: 2, actions: ['like'], terminated: true },
    ])
    const [liked, ...others] = likedAnswers(dialog)
    expect(others).toEqual([])
    expect(liked).toEqual({ messages: dialog.messages.slice(0, 3), target: dialog.messages[3]!.content })
    const own = feedbackOf(open('NFCats', { feedback: 'bm25' })[0]!)!
    expect(own.column).toBe('dialog')
    expect(own.implicitFeedback).toEqual([
      { round: 1, actions: ['copy', 'like'], satisfactionScore: 8, terminated: true },
    ])
    expect(feedbackOf(open('NFCats', { feedback: 'mistral' })[0]!)!.column).toBe('dialog_mistral')
    expect(() => open('DialSim-friends', { feedback: 'mem0' })).toThrow(/row 1: it has no column dialog_mem0; .*bm25/)
  })

  test('the corpus as passages', async () => {
    const date = '1:56 pm on 8 May, 2023'
    expect(await corpusOf('Locomo-0', FOLDER)).toEqual([
      { id: 'D1:1', session: 1, date, speaker: 'Ola', text: 'I fly kites.' },
      { id: 'D1:2', session: 1, date, speaker: 'Bo', text: 'Why: red?' },
    ])
    expect((await corpusOf('DialSim-friends', FOLDER)).map(({ id, date }) => [id, date])).toEqual([
      ['D1:1', 'May 8, 2023, Session #1'],
      ['D1:3', 'May 8, 2023, Session #1'],
    ])
    await expect(corpusOf('NFCats', FOLDER)).rejects.toThrow('that set has none')
    await expect(corpusOf('Locomo-1', FOLDER)).rejects.toThrow(InputError)
  })
})

const table = (rows: number) =>
  new Table({
    test_idx: vectorFromArray(
      Array.from({ length: rows }, (_, i) => BigInt(i)),
      new Int64(),
    ),
    input_prompt: vectorFromArray(
      Array.from({ length: rows }, (_, i) => `question ${i} é中`),
      new Utf8(),
    ),
    dialog: vectorFromArray(
      Array.from({ length: rows }, () => 'x'.repeat(1000)),
      new Utf8(),
    ),
  })
function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  return path
}
const wanted = (column: string) => column !== 'dialog'
const read = (path: string) => [...readArrow(path, wanted)].map(({ value }) => value as Record<string, unknown>)

/** Lengths, offsets and counts are in whole words of 4 bytes. */
const inWord: Mutation = (bytes, rng) => putNumber(bytes, 4 * rng.below(bytes.length >> 2), rng)

const error = (work: () => unknown): string => {
  try {
    work()
    return 'none'
  } catch (thrown) {
    return String(thrown)
  }
}

describe('Arrow files', () => {
  test.each(['stream', 'file'] as const)('a %s of 5 MB in batches: only the columns asked for', kind => {
    const batches = [1000, 1, 3000, 1000].map(rows => table(rows).batches[0]!)
    const stream = tableToIPC(new Table(batches), 'stream')
    // As the specification and Python have it: apache-arrow leaves the schema out of what it writes as a file.
    const parts = kind === 'stream' ? [stream] : [Buffer.from('ARROW1\0\0'), stream, Buffer.from('an index ARROW1')]
    const bytes = Buffer.concat(parts)
    expect(bytes.length).toBeGreaterThan(5e6)
    const rows = read(file(`${kind}.arrow`, bytes))
    expect(rows).toHaveLength(5001)
    expect(rows[1003]).toEqual({ test_idx: 2, input_prompt: 'question 2 é中' })
    expect(rows).toEqual(
      [...Array(1000).keys(), 0, ...Array(3000).keys(), ...Array(1000).keys()].map(i => ({
        test_idx: i,
        input_prompt: `question ${i} é中`,
      })),
    )
  })

  test('what is wrong is said with the name of the file', () => {
    const whole = tableToIPC(table(3), 'stream')
    expect(() => read(file('cut.arrow', whole.slice(0, -2000)))).toThrow(
      /cut\.arrow: no Arrow file, or a damaged one: it ends at/,
    )
    expect(() => read(file('empty.arrow', new Uint8Array()))).toThrow(/empty\.arrow: no Arrow file/)
    expect(() => read(file('text.arrow', new TextEncoder().encode('no arrow at all')))).toThrow(InputError)
    const list = tableToIPC(
      new Table({ info: vectorFromArray([['a'], ['b']], new List(new Field('item', new Utf8()))) }),
      'stream',
    )
    expect(() => read(file('list.arrow', list))).toThrow(/list\.arrow, row 1, column info: it is of Arrow's type List/)
  })

  test('a part that is missing', () => {
    const root = join(folder, 'parts')
    file('parts/dataset/Locomo-0/train/data-00000-of-00003.arrow', tableToIPC(table(1), 'stream'))
    file('parts/dataset/Locomo-0/train/data-00002-of-00003.arrow', tableToIPC(table(1), 'stream'))
    expect(() => open('Locomo-0', { path: root })).toThrow('data-00001-of-00003.arrow is missing beside it')
  })

  test('a number of columns that its header has no room for', () => {
    const bytes = Uint8Array.from(tableToIPC(table(1), 'stream'))
    const word = (at: number) => new DataView(bytes.buffer, at)
    // Of the words of the schema that are 3, one is the number of columns: each in turn is made a billion.
    const places = Array.from({ length: word(4).getInt32(0, true) >> 2 }, (_, i) => 8 + 4 * i)
    const said = places
      .filter(at => word(at).getInt32(0, true) === 3)
      .map(at => {
        word(at).setInt32(0, 1e9, true)
        const path = file('columns.arrow', bytes)
        word(at).setInt32(0, 3, true)
        return error(() => read(path))
      })
    expect(said.join('\n')).toMatch(/columns\.arrow: no Arrow file, or a damaged one: 1000000000 items of 4 bytes/)
  })

  test('damaged files are refused in words, at once, without much memory', () => {
    const path = join(folder, 'fuzz.arrow')
    const bytes = new Uint8Array(readFileSync(`${FOLDER}/dataset/NFCats/train/data-00000-of-00001.arrow`))
    const seen = fuzz(mutations(3, 1000, [bytes], [inWord]), damaged => {
      writeFileSync(path, damaged)
      read(path)
    })
    console.info('damaged Arrow files', seen)
    expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(10)
  }, 120_000)
})
