import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  jrel,
  judgeSet,
  lexeval,
  meteor,
  rougeL,
  wordTokenize,
} from '../../../src/adapters/memorybench/metrics/index.js'
import { cut } from '../../../src/adapters/memorybench/metrics/jieba.js'
import { numbers } from '../../../src/adapters/memorybench/metrics/numerals.js'

/** All numbers are the originals', to the last bit: their operations are done in the same order. */

const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'))
// biome-ignore lint/suspicious/noExplicitAny: cases of many shapes
type Cases = Record<string, any[]>

const VECTORS = new URL('../../../../shared/data/memorybench/vectors.json', import.meta.url).pathname
describe.skipIf(!existsSync(VECTORS))("MemoryBench's vectors", () => {
  const vectors: Cases = existsSync(VECTORS) ? json(VECTORS) : {}
  const section = (start: string) => Object.entries(vectors).find(([name]) => name.startsWith(start))![1]

  test('lexeval', () => {
    for (const { in: text, out, jieba } of section('lexeval.normalize_zh_answer')) {
      expect(lexeval.normalize(text)).toBe(out)
      expect(cut(out)).toEqual(jieba)
    }
    for (const { response, golden, out } of section('lexeval.eval_rougel'))
      expect(lexeval.rougeL(response, golden)).toBe(out)
  })

  test('rouge 1.0.1', () => {
    for (const { hyp, ref, out } of section('rouge==1.0.1')) expect(rougeL(hyp, ref)).toEqual(out)
  })

  test('words and METEOR of NLTK', () => {
    for (const { in: text, out } of section('nltk.word_tokenize')) expect(wordTokenize(text)).toEqual(out)
    for (const { reference, hypothesis, reference_tokens, hypothesis_tokens, out } of section('writingprompts')) {
      expect(wordTokenize(reference)).toEqual(reference_tokens)
      expect(wordTokenize(hypothesis)).toEqual(hypothesis_tokens)
      expect(meteor(reference, hypothesis)).toBe(out)
    }
  })

  test('JuDGE', () => {
    for (const { expected, actual, out } of section('judge.calculate_recall'))
      expect(judgeSet.recallPrecision(expected, actual)).toEqual(out)
    for (const { exp, act, out } of section('judge.calculate_percent'))
      expect(judgeSet.percentScore(exp, act)).toBe(out)
    for (const { gen, exp, out } of section('judge.calc_metrics')) expect(judgeSet.metrics(gen, exp)).toMatchObject(out)
  })

  test('JRE-L', () => {
    for (const { prediction, reference, out } of section('jrel.Rouge-L'))
      expect(jrel.rougeL(prediction, reference)).toBe(out)
    for (const { in: text, ...out } of section('jrel.readability')) expect(jrel.readability(text)).toEqual(out)
  })
})

describe('invented texts, as Python scored them', () => {
  const golden: Cases = json(new URL('../../fixtures/memorybench/metrics.json', import.meta.url).pathname)
  const ours: Record<string, (a: never, b: never) => unknown> = {
    wordTokenize,
    meteor,
    readability: jrel.readability,
    rougeL,
    jrelRougeL: (reference, prediction) => jrel.rougeL(prediction, reference),
    lexeval: lexeval.rougeL,
    jieba: cut,
    numbers,
  }
  for (const [name, score] of Object.entries(ours))
    test(name, () => {
      for (const given of golden[name]!) {
        const [a, b] = given
        expect([given, score(a as never, b as never)]).toEqual([given, given.at(-1)])
      }
    })

  test('judgments', () => {
    const sets = ['exp_crime', 'gen_crime', 'exp_penalcode_index', 'gen_penalcode_index'] as const
    for (const [generated, expected, scores] of golden.judgeSet!) {
      const found = judgeSet.metrics(generated, expected)
      for (const name of sets) found[name].sort() // Python's sets have no order.
      expect(found).toMatchObject(scores)
    }
  })
})

describe('rules', () => {
  test('a sentence ends neither at an abbreviation nor inside a quotation, but before its closing mark', () => {
    expect(wordTokenize('Dr. No left at 5 p.m. on Monday. "Gone." He sat.').filter(word => word === '.')).toHaveLength(
      3,
    )
    expect(wordTokenize('')).toEqual([])
  })

  test('a number or an initial ends no sentence before a word that starts none', () => {
    expect(wordTokenize('See page 3. then J. K. Mora.')).toEqual(['See', 'page', '3.', 'then', 'J.', 'K.', 'Mora', '.'])
    expect(wordTokenize('He left the U.S. However it rained.')).toEqual(
      ['He', 'left', 'the', 'U.S', '.', 'However', 'it', 'rained', '.'], // A frequent start.
    )
  })

  test('synonyms count only if the stem is a word: kid is a child, an automobile is no car', () => {
    expect(meteor('the child sat', 'the kid sat')).toBeGreaterThan(0.9)
    expect(meteor('car', 'automobile')).toBe(0)
    expect(meteor('', '')).toBe(0)
  })

  test('words count once in ROUGE-L of rouge 1.0.1; a text without words is refused', () => {
    expect(rougeL('a a a b', 'a b').f).toBe(0.999999995)
    expect(() => rougeL('...', 'a')).toThrow('the hypothesis is empty')
  })

  test("LexEval's score is 0 where the original's recursion fails, not before", () => {
    // One word against n others takes n steps.
    const others = (n: number) => Array.from({ length: n }, (_, i) => (i % 2 ? '应当' : '赔偿')).join('')
    expect(cut(others(984))).toHaveLength(984)
    expect(lexeval.rougeL(`${others(984)}甲方`, '甲方')).toBeGreaterThan(0)
    expect(lexeval.rougeL(`甲方${others(986)}`, '甲方')).toBe(0)
  })

  test('terms: months are added, life and death have numbers of their own', () => {
    const time = (text: string) => judgeSet.metrics(`本院认为，判决如下：${text}`, '').gen_time
    expect(time('判处有期徒刑三年六个月，并处拘役五个月。')).toBe(47)
    expect(time('判处无期徒刑。')).toBe(240)
    expect(time('判处死刑，缓期二年执行。')).toBe(10001)
    expect(time('判处有期徒刑两年。')).toBe(0) // 两 is a digit to the original only beside a unit.
    expect(time('没有。')).toBe(-1)
    expect(time('判处有期徒刑1.5年。')).toBe(12) // The original stops here with an error.
  })

  test('a misspelt crime is the nearest in the law; a revoked one does not count', () => {
    const found = (text: string) => judgeSet.metrics(`本院认为，判决如下：${text}`, '').gen_crime
    expect(found('被告人犯盗窃罪，犯贩卖毒品罪，犯交通肇祸罪。')).toEqual([
      '盗窃罪',
      '走私、贩卖、运输、制造毒品罪',
      '交通肇事罪',
    ])
    expect(found('被告人犯诈骗罪；撤销原判所犯盗窃罪。')).toEqual(['诈骗罪'])
  })

  test('HTML goes, comments and scripts with what is in them', () => {
    const { gen_reasoning } = judgeSet.metrics('<p>本院<b>认为</b>，<!-- 无 --><script>x</script>A&lt;B 判决如下:', '')
    expect(gen_reasoning).toBe('本院 认为 ， A<B判决如下：')
  })
})

test.each<[name: string, call: () => unknown]>([
  ['300,000 marks', () => wordTokenize('?!.'.repeat(100_000))],
  ['quotation marks', () => wordTokenize(`a.${'"'.repeat(300_000)}`)],
  ['one word of 200,000 letters', () => jrel.readability('ab'.repeat(100_000))],
  ['many words', () => meteor('a b c '.repeat(20_000), 'c b a '.repeat(20_000))],
  ['equal texts of 200 kB', () => jrel.rougeL('word '.repeat(40_000), 'word '.repeat(40_000))],
  ['long against short', () => rougeL('word '.repeat(200_000), 'word other '.repeat(50))],
  ['Chinese', () => lexeval.rougeL('合同法律'.repeat(100_000), '合同')],
  ['tags without end', () => judgeSet.metrics('<a<!--<script>'.repeat(70_000), '')],
  ['comments without end', () => judgeSet.metrics('<!--x>'.repeat(150_000), '')],
  ['empty lines', () => judgeSet.metrics(`本院认为，判决如下：${'\n'.repeat(500_000)}`, '')],
  ['digits', () => judgeSet.metrics(`本院认为，《刑法》第${'一'.repeat(200_000)}条。`, '')],
])('a hostile text takes seconds at most: %s', (_, call) => {
  const start = performance.now()
  call()
  // Each takes less than two seconds alone; quadratic time would be minutes.
  expect(performance.now() - start).toBeLessThan(30_000)
})

test('texts too long to compare are refused', () => {
  expect(() => jrel.rougeL('a b '.repeat(25_000), 'a b '.repeat(25_000))).toThrow('more than 2^31 pairs')
  expect(() => rougeL('a.'.repeat(3000), 'b.'.repeat(3000))).toThrow('more than 2^22 pairs')
})
