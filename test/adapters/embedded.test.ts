import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EmbeddedExampleSource } from '../../src/adapters/embedded/index.js'
import { type EmbeddedRow, ROWS } from '../../src/adapters/embedded/rows.js'
import { locomo, porterStem } from '../../src/adapters/memorybench/index.js'
import { type ExampleContext, exampleKey, LoRAHarness } from '../../src/harness/index.js'
import { collect, toy } from '../harness/toy.js'

const stems = (text: string) => locomo.normalizeAnswer(text).split(' ').map(porterStem)
const groups = <T>(items: readonly T[], key: (item: T) => string): [string, T[]][] =>
  [...new Set(items.map(key))].map(name => [name, items.filter(item => key(item) === name)])
const chats = groups(ROWS, row => row.dataset_name)
const personIn = (row: EmbeddedRow) => /[A-Z]\w+ [A-Z]\w+/.exec(row.origin_question!)![0]
const seeds = [0, 1, 2, 3, 4]

test('the script writes the file again, byte for byte', () => {
  const folder = mkdtempSync(join(tmpdir(), 'embedded-'))
  try {
    const file = join(folder, 'rows.ts')
    execFileSync(process.execPath, ['scripts/generate-embedded.mjs', file])
    expect(readFileSync(file, 'utf8')).toBe(readFileSync('src/adapters/embedded/rows.ts', 'utf8'))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe('the rows', () => {
  test('8 chats of 14 questions: 7 facts, each once in either half', () => {
    expect(chats).toHaveLength(8)
    for (const [, rows] of chats) {
      expect(rows.map(row => row.test_idx)).toEqual([...Array(14).keys()])
      const halves = [rows.slice(0, 7), rows.slice(7)].map(half => half.map(row => row.fact).sort())
      expect(new Set(halves[0])).toHaveProperty('size', 7)
      expect(halves[1]).toEqual(halves[0])
    }
  })

  test('no question occurs twice, and both wordings of a fact share person, answer and more', () => {
    expect(new Set(ROWS.map(row => row.origin_question)).size).toBe(ROWS.length)
    for (const [chat, rows] of chats)
      for (const [fact, [a, b]] of groups(rows, row => row.fact)) {
        expect(a!.info.golden_answer, `${chat} ${fact}`).toBe(b!.info.golden_answer)
        expect(personIn(a!)).toBe(personIn(b!))
        const shared = stems(a!.origin_question!).filter(stem => stems(b!.origin_question!).includes(stem))
        expect(shared.length, `${a!.origin_question} / ${b!.origin_question}`).toBeGreaterThanOrEqual(3)
      }
  })

  test('nobody is in two chats', () => {
    const people = chats.map(([, rows]) => new Set(rows.map(personIn)))
    expect(people.map(names => names.size)).toEqual(Array(8).fill(2))
    for (const [i, some] of people.entries())
      for (const other of people.slice(i + 1)) expect([...some].filter(person => other.has(person))).toEqual([])
  })

  test('answers are 1 to 3 words, in no question of their own, and share no word with another fact of any chat', () => {
    const facts = chats.flatMap(([, rows]) => groups(rows, row => row.fact).map(([, [row]]) => row!))
    expect(facts).toHaveLength(56)
    const seen = new Map<string, string>()
    for (const { info } of facts)
      for (const stem of stems(info.golden_answer)) {
        expect(seen.get(stem), `${stem} in ${info.golden_answer}`).toBeUndefined()
        seen.set(stem, info.golden_answer)
      }
    for (const { info, origin_question } of ROWS) {
      expect(info.golden_answer).toMatch(/^\w+( \w+){0,2}$/)
      expect(locomo.f1Score(origin_question!, info.golden_answer)).toBe(0)
    }
  })

  test('every kind of fact is asked in more than one chat, so that its form alone can be learned elsewhere', () => {
    for (const [fact, rows] of groups(ROWS, row => row.fact))
      expect(new Set(rows.map(row => row.dataset_name)).size, fact).toBeGreaterThan(1)
  })

  test('the prompt holds the question and one instruction, the same for all', () => {
    for (const row of ROWS) expect(row.input_prompt).toBe(`Answer in a few words.\n${row.origin_question}`)
  })
})

describe('the source', () => {
  const half = (example: ExampleContext) => example.metadata.half
  const keys = (seed: number) => [...new EmbeddedExampleSource({ seed })].map(exampleKey)

  test.each(seeds)('seed %d: chats take turns, first halves before second ones, each fact once in either', seed => {
    const examples = [...new EmbeddedExampleSource({ seed })]
    expect(examples.map(e => e.chatId)).toEqual(examples.map((_, i) => `Embedded-${i % 8}`))
    expect(examples.map(half)).toEqual([...Array(56).fill('first'), ...Array(56).fill('second')])
    for (const [, own] of groups(examples, e => e.chatId!)) {
      const [first, second] = ['first', 'second'].map(which =>
        own.filter(e => half(e) === which).map(e => e.metadata.fact),
      )
      expect(new Set(first)).toEqual(new Set(second))
      expect(new Set(first).size).toBe(7)
    }
  })

  test('a seed gives one order of the same examples; 0 is the order of the file; wordings change halves', () => {
    const orders = seeds.map(keys)
    expect(orders.map(order => [...order].sort())).toEqual(Array(5).fill([...orders[0]!].sort()))
    expect(new Set(orders.map(order => order.join())).size).toBe(5)
    expect(keys(3)).toEqual(orders[3])
    expect(orders[0]!.slice(0, 8)).toEqual(chats.map(([name]) => `${name}/train/0`))
    const told = (seed: number) => new Set(keys(seed).slice(0, 56))
    const common = [...told(1)].filter(key => told(0).has(key)).length
    expect(common).toBeGreaterThan(10)
    expect(common).toBeLessThan(46)
  })

  test('limit and chats', () => {
    expect([...new EmbeddedExampleSource({ chats: 2, limit: 3 })].map(e => e.chatId)).toEqual([
      'Embedded-0',
      'Embedded-1',
      'Embedded-0',
    ])
    expect(new EmbeddedExampleSource({ chats: 3 })).toHaveLength(42)
    expect(() => new EmbeddedExampleSource({ chats: 9 })).toThrow('chats is 9; it must be an integer from 1 to 8')
    expect(() => new EmbeddedExampleSource({ limit: 0 })).toThrow('limit is 0; it must be an integer from 1 to 112')
  })

  test('one who learns each wording by heart scores 0 throughout; one who learns facts is right in the second half', async () => {
    const byHeart = new LoRAHarness({ exampleSource: new EmbeddedExampleSource(), ...toy })
    const results = await collect(byHeart.run())
    expect(results.map(r => r.metrics.f1)).toEqual(Array(112).fill(0))
    expect(results[111]!.details).toMatchObject({ half: 'second', golden_answer: results[111]!.example.target })

    const knows = new Map<unknown, string>()
    const facts = new LoRAHarness({
      exampleSource: new EmbeddedExampleSource({ seed: 1 }),
      ...toy,
      inferenceFn: ({ chatId, userPrompt }) => {
        const { fact } = ROWS.find(row => row.input_prompt === userPrompt)!
        return knows.get(`${chatId} ${fact}`) ?? '?'
      },
      finetuneFn: example => {
        knows.set(`${example.chatId} ${example.metadata.fact}`, example.target!)
        return null
      },
    })
    await collect(facts.run())
    expect(facts.results.map(r => r.metrics.f1)).toEqual([...Array(56).fill(0), ...Array(56).fill(1)])
  })
})
