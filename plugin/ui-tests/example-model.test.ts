import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import type { Step } from 'lora-harness/protocol'
import { describe, expect, test } from 'vitest'
import { parseRef } from '../../src/record/ref.js'
import { stepOf } from '../../test/report/sample.js'
import { Details, ownerOf, questionOf, referenceOf } from '../src/model/details.js'
import { lineDiff } from '../src/model/line-diff.js'
import { replayCommand } from '../src/model/reproduce.js'
import { FakeSource, pointOf, sample } from './page/sample.js'

/** A source whose answers come when the test lets them. */
function slow(examples: number, fork?: number) {
  const source = new FakeSource(sample(examples, fork), tell => tell())
  const answer = source.answers.example!
  const waiting: (() => void)[] = []
  source.answers.example = ask =>
    new Promise((resolve, reject) => {
      waiting.push(() => Promise.resolve(ask).then(answer).then(resolve, reject))
    })
  const asked = () => source.asked.flatMap(ask => (ask.type === 'example' ? [ask.index] : []))
  const answerAll = async () => {
    while (waiting.length > 0) {
      for (const go of waiting.splice(0)) go()
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  return { source, details: new Details(source), asked, answerAll, line: source.store.line('main') }
}

describe('details of examples', () => {
  test('an example is asked for once, however often it is wanted', async () => {
    const { details, asked, answerAll, line } = slow(8)
    const both = [details.load('main', line[3]!), details.load('main', line[3]!)]
    await answerAll()
    await Promise.all(both)
    await details.load('main', line[3]!)
    expect(asked()).toEqual([3])
    expect(details.get(line[3]!).step?.index).toBe(3)
    expect(details.texts(line[3]!)?.question).toMatch(/^What is the favourite colour/)
  })

  test('a few at a time; what went out of sight is not asked for', async () => {
    const { details, asked, answerAll, line } = slow(200)
    details.want('main', line.slice(0, 50))
    expect(asked()).toEqual([0, 1, 2, 3, 4, 5])
    details.want('main', line.slice(100, 103))
    await answerAll()
    expect(asked()).toEqual([0, 1, 2, 3, 4, 5, 100, 101, 102])
  })

  test('all texts: the newest first, and those of examples that come later', async () => {
    const { source, details, asked, answerAll, line } = slow(20)
    details.wantAll('main')
    await answerAll()
    expect(asked()).toEqual(Array.from({ length: 20 }, (_, i) => 19 - i))
    expect(line.every(point => details.texts(point))).toBe(true)
    source.store.apply({ type: 'points', branch: 'main', from: 20, points: [pointOf(stepOf(20))] })
    await answerAll()
    expect(asked().at(-1)).toBe(20)
  })

  test('examples from before a fork are asked for of the branch that made them', async () => {
    const { source, details, answerAll } = slow(20, 10)
    const line = source.store.line('main-2')
    void details.load('main-2', line[9]!)
    void details.load('main-2', line[10]!)
    await answerAll()
    expect(source.asked.map(ask => 'branch' in ask && ask.branch)).toEqual(['main', 'main-2'])
    expect(ownerOf(source.store, 'main-2', 9)).toBe('main')
    // The same example of both branches is one.
    expect(details.get(source.store.line('main')[9]!).step).not.toBeNull()
  })

  test('another point at the same index is another example', async () => {
    const { source, details, answerAll, line } = slow(4)
    void details.load('main', line[3]!)
    await answerAll()
    source.store.apply({ type: 'points', branch: 'main', from: 3, points: [pointOf(stepOf(3, { key: 'other' }))] })
    expect(details.get(source.store.line('main')[3]!)).toEqual({ step: null, texts: null, error: null })
  })

  test('whole steps are dropped when they are too many, their texts stay', async () => {
    const { source, details, line } = slow(8)
    const size = 12_000_000
    source.answers.example = ({ index }) => stepOf(index, { response: 'x'.repeat(size) })
    for (const point of line.slice(0, 4)) await details.load('main', point)
    // 32 MB hold two of 12 MB.
    expect(line.slice(0, 4).map(point => details.get(point).step !== null)).toEqual([false, false, true, true])
    expect(details.texts(line[0]!)?.response).toHaveLength(1000)
  })

  test('why an example cannot be had is kept until the connection changes; a source that cannot is not asked', async () => {
    const { source, details, asked, line } = slow(8)
    source.answers.example = () => {
      throw new Error('the kernel is gone')
    }
    await details.load('main', line[0]!)
    expect(details.get(line[0]!)).toEqual({ step: null, texts: null, error: 'the kernel is gone' })
    details.want('main', line.slice(0, 1))
    expect(asked()).toEqual([0])
    source.store.set({ connection: { kind: 'lost', since: 0 } })
    expect(details.get(line[0]!).error).toBeNull()
    source.reasons.example = 'texts are not in this notebook'
    details.want('main', line)
    expect(asked()).toEqual([0, 0])
  })

  test('question and reference', () => {
    expect(questionOf(stepOf(1, { messages: [] }))).toBe('')
    const chat = [
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'tool', content: 'c' },
    ]
    expect(questionOf(stepOf(1, { messages: chat }))).toBe('b')
    const withDetails = (json: string): Step => stepOf(1, { details: JSON.parse(json) })
    expect(referenceOf(withDetails('{"golden_answer":"blue"}'))).toBe('blue')
    expect(referenceOf(withDetails('{"target":["a","b"]}'))).toBe('["a","b"]')
    expect(referenceOf(withDetails('{"__proto__":"x","constructor":1}'))).toBeNull()
  })
})

describe('the command that computes an example again', () => {
  test('is as the command line reads it', () => {
    expect(replayCommand('runs/r7', 'main', 412)).toBe('npx lora-harness replay runs/r7@main --from 412 --limit 1')
    expect(replayCommand("my runs/it's", 'main', 0)).toBe(
      `npx lora-harness replay 'my runs/it'\\''s@main' --from 0 --limit 1`,
    )
    expect(replayCommand('-x', 'main', 0)).toContain('./-x@main')
    expect(replayCommand(null, 'main', 0)).toBeNull()
    expect(replayCommand('a@b', 'main', 0)).toBeNull()
    expect(replayCommand('a\u001b[31m', 'main', 0)).toBeNull()
  })

  test('a shell hands over folder and branch as they are', () => {
    const name = fc.string({ minLength: 1, unit: fc.constantFrom(...`ab /.-_$'"\`\\;&|<>(){}*?!~é😀`) })
    fc.assert(
      fc.property(name, name, (folder, branch) => {
        const command = replayCommand(`runs/${folder}`, branch, 7)!
        const script = command.replace('npx lora-harness replay', 'printf "%s\\0"')
        const [ref, ...rest] = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0')
        expect(rest).toEqual(['--from', '7', '--limit', '1', ''])
        expect(parseRef(ref!)).toEqual({ folder: `runs/${folder}`, branch })
      }),
      { numRuns: 40 }, // Each begins a shell.
    )
  })
})

test('a change of code is shown with three lines about it', () => {
  const code = (n: number) => ['a', 'b', 'c', 'd', 'e', `lr = ${n}`, 'f', 'g', 'h', 'i', 'j'].join('\n')
  expect(lineDiff(code(1), code(2))!.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    'skipped ⋯',
    ...['same c', 'same d', 'same e', 'removed lr = 1', 'added lr = 2', 'same f', 'same g', 'same h'],
  ])
  expect(lineDiff('a', 'a')).toEqual([])
})
