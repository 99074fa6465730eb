import fc from 'fast-check'
import { base, bm25, constant, empty } from 'lora-harness/adapters/baselines'
import { expect, test } from 'vitest'
import { bm25Search, bm25Words } from '../../src/adapters/bm25.js'
import { LoRAHarness, type LoRAHarnessOptions, toStep } from '../../src/harness/index.js'
import { ask, collect, toy } from '../harness/toy.js'

/** BM25 as the formula says it, with lengths in different words. */
function okapi(passages: readonly string[], query: string): number[] {
  const all = passages.map(bm25Words)
  const length = (words: readonly string[]) => new Set(words).size
  const average = all.reduce((sum, words) => sum + length(words), 0) / all.length
  return all.map(words =>
    bm25Words(query).reduce((sum, term) => {
      const having = all.filter(other => other.includes(term)).length
      const f = words.filter(word => word === term).length
      const idf = Math.log(1 + (all.length - having + 0.5) / (having + 0.5))
      return sum + (idf * f * 2.2) / (f + 1.2 * (1 - 0.75 + (0.75 * length(words)) / average))
    }, 0),
  )
}

const answersOf = async (baselines: LoRAHarnessOptions['baselines'], examples: LoRAHarnessOptions['exampleSource']) => {
  const steps = (await collect(new LoRAHarness({ ...toy, baselines: baselines!, exampleSource: examples }).run())).map(
    toStep,
  )
  return steps.map(step => Object.fromEntries(Object.entries(step.baselines).map(([name, b]) => [name, b.response])))
}

test('scores are those of the formula, best first, equal ones in order', () => {
  const word = fc.constantFrom('ana', 'bo', 'paints', 'the', 'sea', 'Constructor', '__proto__', '一二', "it's")
  const text = fc.array(word, { maxLength: 8 }).map(words => words.join(' '))
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), text, (passages, query) => {
      const right = okapi(passages, query)
      const found = bm25Search(passages)(query, 100)
      expect(found.map(({ index }) => index).sort()).toEqual(right.flatMap((score, i) => (score > 0 ? [i] : [])).sort())
      for (const { index, score, text } of found) {
        // The average length is kept as a running mean there: a few roundings of float64.
        expect(score).toBeCloseTo(right[index]!, 10)
        expect(text).toBe(passages[index])
      }
      for (const [i, { score, index }] of found.entries())
        expect(i === 0 || found[i - 1]!.score > score || found[i - 1]!.index < index).toBe(true)
    }),
  )
})

test('words: letters and digits of any script, Han by character, case folded', () => {
  expect(bm25Words('Ana’s 2nd CAFÉ, 我爱x海！ नमस्ते')).toEqual([
    'ana',
    's',
    '2nd',
    'café',
    '我',
    '爱',
    'x',
    '海',
    'नमस्ते',
  ])
  expect(bm25Words(' …')).toEqual([])
})

test('constant, empty and the base model', async () => {
  const seeds: unknown[] = []
  const model = {
    generate: async (messages: readonly { content: string }[], options: { seed?: number; maxNewTokens?: number }) => {
      seeds.push(options.seed)
      return {
        text: `${messages[0]!.content} in ${options.maxNewTokens}`,
        promptTokens: 1,
        newTokens: 1,
        finishReason: 'stop',
      }
    },
  }
  const baselines = {
    base: base(model as unknown as Parameters<typeof base>[0], { maxNewTokens: 4 }),
    no: constant('not mentioned'),
    none: empty(),
  }
  expect(await answersOf(baselines, [ask(0, 'who', 'Ana'), ask(1, 'what', 'sea')])).toEqual([
    { base: 'who in 4', no: 'not mentioned', none: '' },
    { base: 'what in 4', no: 'not mentioned', none: '' },
  ])
  expect(new Set(seeds).size).toBe(2)
})

test('BM25 over earlier examples answers with the most similar one’s answer, and with nothing at first', async () => {
  const examples = [
    ask(0, 'Where does Ana live?', 'Oslo', 'a'),
    ask(1, 'What does Bo paint?', 'the sea', 'b'),
    ask(2, 'In which town does Ana live?', 'Oslo', 'a'),
    ask(3, 'Bo paints what?', 'the sea', 'b'),
    ask(4, '???', '', 'b'),
  ]
  const answers = await answersOf({ bm25: bm25() }, examples)
  expect(answers.map(({ bm25 }) => bm25)).toEqual(['', 'Oslo', 'Oslo', 'the sea', ''])
})

test('a rewound run and a fork get the answers of their own past', async () => {
  const examples = ['Ana', 'Bo', 'Cy', 'Di'].map((name, i) => ask(i, `Where is ${name}?`, `${name}'s`, 'chat'))
  const harness = new LoRAHarness({ ...toy, baselines: { bm25: bm25() }, exampleSource: examples })
  const responses = async (of: LoRAHarness) => (await collect(of.run())).map(result => result.baselines.bm25!.response)
  const first = await responses(harness)
  const fork = harness.fork({ at: 1 })
  harness.rewind(2)
  expect(await responses(harness)).toEqual(first.slice(2))
  expect(await responses(fork)).toEqual(first.slice(1))
})

test('BM25 over a corpus: the best passage, or whatever is made of the best k', async () => {
  const corpus = ['Ana moved to Oslo.', 'Bo paints the sea.', 'Ana paints the Oslo fjord.']
  const baselines = {
    passage: bm25({ passages: corpus }),
    two: bm25({
      passages: ({ chatId }) => corpus.filter(text => text.includes(chatId!)),
      query: ({ messages }) => messages[0]!.content.replace('Question:', ''),
      k: 2,
      answerWith: found => found.map(({ index, text }) => `${index} ${text}`).join(' | '),
    }),
  }
  expect(await answersOf(baselines, [ask(0, 'Question: who paints in Oslo?', 'Ana', 'Ana')])).toEqual([
    { passage: 'Ana paints the Oslo fjord.', two: '1 Ana paints the Oslo fjord. | 0 Ana moved to Oslo.' },
  ])
})

test('k is a positive integer', () => {
  expect(() => bm25Search(['a'])('a', 0)).toThrow('k is 0; it must be a positive integer')
})
