import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { locomo, porterStem } from '../../src/adapters/memorybench/index.js'

/** Outputs of the original functions; not part of this repository. */
const VECTORS = '../shared/data/memorybench/vectors.json'
const present = existsSync(VECTORS)
const vectors = present ? JSON.parse(readFileSync(VECTORS, 'utf8')) : {}
const optionsKey = '{"a": "Not mentioned in the conversation", "b": "a red kite"}'

describe.skipIf(!present)('the vectors of the original', () => {
  const cases: [string, (v: Record<string, string>) => unknown][] = [
    ['locomo.normalize_answer', v => locomo.normalizeAnswer(v.in!)],
    ['locomo.porter_stem(nltk PorterStemmer, NLTK_EXTENSIONS mode)', v => porterStem(v.in!)],
    ['locomo.f1_score', v => locomo.f1Score(v.prediction!, v.ground_truth!)],
    ['locomo.f1(multi-answer)', v => locomo.f1(v.prediction!, v.ground_truth!)],
    ['locomo.exact_match_score', v => locomo.exactMatchScore(v.prediction!, v.ground_truth!)],
    ['locomo.get_cat_5_answer', v => locomo.categoryFiveAnswer(v.prediction!, v.answer_key!)],
    ['locomo.evaluate_single', v => ({ f1: locomo.evaluateSingle(v.info as never, v.response!).f1 })],
  ]
  test.each(cases)('%s', (section, ours) => {
    expect(vectors[section].length).toBeGreaterThan(5)
    for (const vector of vectors[section]) {
      const found = ours(vector)
      // 1e-12: the same formula in float64, but sums may be taken in another order.
      if (typeof vector.out === 'number') expect(Math.abs((found as number) - vector.out)).toBeLessThanOrEqual(1e-12)
      else expect(found, JSON.stringify(vector)).toEqual(vector.out)
    }
  })

  test('every locomo section is covered', () => {
    expect(cases.map(([section]) => section)).toEqual(Object.keys(vectors).filter(name => name.startsWith('locomo.')))
  })
})

// The expected values below were computed with NLTK 3.10.4 and Python's regex module.
describe('porterStem', () => {
  test.each([
    // Changes of NLTK against the paper.
    'skies sky',
    'lies lie',
    'pies pie',
    'allies alli',
    'tied tie',
    'studied studi',
    'spy spi',
    'enjoy enjoy',
    'enjoyment enjoy',
    'by by',
    'radically radic',
    'geology geolog',
    'thankfully thank',
    'outing outing',
    'succeed succeed',
    // Steps of the paper.
    'caresses caress',
    'feed feed',
    'agreed agre',
    'plastered plaster',
    'sing sing',
    'conflated conflat',
    'troubled troubl',
    'tanned tan',
    'filing file',
    'owed owe',
    'used use',
    'relational relat',
    'vietnamization vietnam',
    'sensibility sensibl',
    'electricity electr',
    'hopefulness hope',
    'replacement replac',
    'adoption adopt',
    'opinion opinion',
    'rate rate',
    'cease ceas',
    'controlling control',
    'rolled roll',
    'syzygy syzygi',
    // Not only English letters.
    'cafés café',
    'naïveness naïv',
    'straßen straßen',
    '日本語s 日本語',
    '😀a😀😀ed 😀a😀',
    'x2ing x2ing',
    'ÉTÉS été',
  ])('%s', pair => {
    const [word, stem] = pair.split(' ')
    expect(porterStem(word!)).toBe(stem)
  })

  test('never throws, and leaves one and two letters alone', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), text => typeof porterStem(text) === 'string'))
    for (const short of ['', 's', 'as', 'ed', '日s', '😀s']) expect(porterStem(short)).toBe(short)
  })
})

describe('normalizeAnswer', () => {
  test.each([
    ['The Cat, and a dog’s bed.', 'cat dog’s bed'],
    ['a-n the_re a b', 'there b'],
    ['an änderung aé a\u0301 the٣', 'änderung aé a\u0301 the٣'],
    ['no\u00a0break\u3000wide\u001cfile\u0085next\u2028line', 'no break wide file next line'],
    ['zero\u200bwidth\ufeffmark', 'zero\u200bwidth\ufeffmark'],
    ['  And AND and  ', ''],
    ['a\u200da', 'a\u200da'],
    ['ΑΣ', 'ας'],
    ['ΑΣ,a', 'ασa'], // The comma goes before lower case: this sigma is not a final one.
    ['#$%&*+/:;<=>?@[\\]^_`{|}~', ''],
    ['£5 «a» “the”', '£5 « » “ ”'],
  ])('%j', (text, normal) => {
    expect(locomo.normalizeAnswer(text)).toBe(normal)
  })

  test('is a fixed point of itself up to new articles, and single-spaced', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        const normal = locomo.normalizeAnswer(text)
        expect(normal).not.toMatch(/^ | $| {2}|[A-Z.,!?]/)
      }),
    )
  })
})

describe('f1Score', () => {
  test.each([
    ['a red kite', 'The red kites', 1],
    ['red kite', 'kite', 2 / 3],
    ['kite kite', 'kite', 2 / 3],
    ['kite', 'kite kite', 2 / 3],
    ['running', 'runs', 1],
    ['the', 'the', 0],
    ['', '', 0],
    ['constructor __proto__', 'constructor toString', 0.5],
    ['twenty-one', 'twenty one', 0],
  ])('%j against %j', (prediction, truth, score) => {
    expect(locomo.f1Score(prediction, truth)).toBeCloseTo(score, 12)
  })

  test('is symmetric, within [0, 1], and 1 for equal words', () => {
    const text = fc.array(fc.constantFrom('red', 'kite', 'kites', 'and', 'Blue,', 'sky'), { maxLength: 6 })
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [p, t] = [a.join(' '), b.join(' ')]
        const score = locomo.f1Score(p, t)
        expect(score).toBeGreaterThanOrEqual(0)
        expect(score).toBeLessThanOrEqual(1)
        expect(score).toBeCloseTo(locomo.f1Score(t, p), 12)
        if (locomo.normalizeAnswer(p) !== '') expect(locomo.f1Score(p, p)).toBe(1)
      }),
    )
  })
})

test('f1: the mean over the true parts of the best predicted part', () => {
  expect(locomo.f1('kites, boats', 'boat, kite, sun')).toBeCloseTo(2 / 3, 12)
  expect(locomo.f1('', 'kite')).toBe(0)
  expect(locomo.f1('red kite,', 'kite')).toBeCloseTo(2 / 3, 12)
})

test('exactMatchScore compares sets of words, unstemmed', () => {
  expect(locomo.exactMatchScore('kite and the kite, red', 'Red kite!')).toBe(true)
  expect(locomo.exactMatchScore('kites', 'kite')).toBe(false)
  expect(locomo.exactMatchScore('red', 'red kite')).toBe(false)
})

test.each([
  ['a', 'Not mentioned in the conversation'],
  [' B\n', 'a red kite'],
  ['?', 'a red kite'],
  ['(A)', 'Not mentioned in the conversation'],
  ['(b)', 'a red kite'],
  ['abc', 'a red kite'],
  ['😀', 'a red kite'],
  ['(a) Not', '(a) not'],
  ['', ''],
])('categoryFiveAnswer(%j)', (reply, answer) => {
  expect(locomo.categoryFiveAnswer(reply, optionsKey)).toBe(answer)
})

test('options that cannot be read are an error that shows them', () => {
  expect(() => locomo.categoryFiveAnswer('a', 'no')).toThrow('reading the options no: ')
  expect(() => locomo.categoryFiveAnswer('a', '{"a": "x"}')).toThrow('needs the texts a and b')
})

test('evaluateSingle: each category has its own rule', () => {
  const score = (category: 1 | 2 | 3 | 4 | 5, golden_answer: string, response: string) =>
    locomo.evaluateSingle({ category, golden_answer, evidence: [] }, response).f1
  expect(score(1, 'kite, boat', 'boat')).toBeCloseTo(0.5, 12)
  expect(score(2, 'kite, boat', 'boat')).toBeCloseTo(2 / 3, 12)
  expect(score(3, 'Yes; she likes wind', ' yes ')).toBe(1)
  expect(score(4, 'Yes; she', 'yes')).toBeCloseTo(2 / 3, 12)
  expect(score(5, optionsKey, 'It is Not Mentioned.')).toBe(1)
  expect(score(5, optionsKey, '(a)')).toBe(1)
  expect(score(5, optionsKey, 'b')).toBe(0)
  expect(score(5, optionsKey, 'No information available')).toBe(1)
  expect(locomo.evaluateSingle({ category: 2, golden_answer: 'x', evidence: ['e'] }, '')).toEqual({
    f1: 0,
    golden_answer: 'x',
    category: '2',
    evidence: ['e'],
  })
})
