import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJudge, saysExactly } from '../../../src/adapters/memorybench/judge/dialsim.js'
import { framed } from '../../../src/adapters/memorybench/judge/frame.js'
import { parseChecklist } from '../../../src/adapters/memorybench/judge/hellobench.js'
import {
  hypothesesOf,
  parseOverlap,
  parseRanking,
  rankScore,
} from '../../../src/adapters/memorybench/judge/ideabench.js'
import { parseLimitations, parseRating, parseSubtype } from '../../../src/adapters/memorybench/judge/limitgen.js'
import { fencedJson, judgeScore } from '../../../src/adapters/memorybench/judge/parse.js'
import { parseCritic } from '../../../src/adapters/memorybench/judge/writingbench.js'

/** Outputs of the original functions; not part of this repository. */
const VECTORS = '../shared/data/memorybench/vectors.json'
const present = existsSync(VECTORS)
const vectors = present ? JSON.parse(readFileSync(VECTORS, 'utf8')) : {}

describe.skipIf(!present)('the vectors of the original', () => {
  test.each<{ judge_replies: string[]; out: boolean; calls: number }>(vectors['dialsim.gpt_judge parsing'] ?? [])(
    'dialsim.gpt_judge parsing: $judge_replies',
    ({ judge_replies, out, calls }) => {
      expect(parseJudge(judge_replies)).toEqual({ out, calls })
    },
  )

  test.each<{ in: string; out: number | null }>(vectors['judge score regex \\b([1-9]|10)\\b first match'] ?? [])(
    'judge score: $in',
    ({ in: text, out }) => {
      expect(judgeScore(text)).toBe(out)
    },
  )

  test('both sections are there', () => {
    expect(vectors['dialsim.gpt_judge parsing'].length).toBeGreaterThan(3)
    expect(vectors['judge score regex \\b([1-9]|10)\\b first match'].length).toBeGreaterThan(5)
  })
})

describe('judgeScore', () => {
  // What Python's re.findall(r"\b([1-9]|10)\b", text)[0] gives.
  test.each<[string, number | null]>([
    ['8.5', 8],
    ['11', null],
    ['0', null],
    ['100', null],
    ['-3', 3],
    ['a 10, not a 9', 10],
    ['7分', null],
    ['分数：7', 7],
    ['7²', null],
    ['_7_ 6', 6],
    ['7\u0301', 7],
    ['７', null],
    ['é5 4', 4],
    ['', null],
  ])('%j → %j', (text, score) => {
    expect(judgeScore(text)).toBe(score)
  })
})

describe('DialSim', () => {
  test.each([
    ['Ross', ' ROSS. ', true],
    ['Ross', 'ross', true],
    ["I don't know.", "i don't know.", true],
    ['Ross', 'Ross..', false],
    ['Ross', 'Ross Geller', false],
    ['Ross', '\u001fRoss\u0085', true],
    ['Ross', '\ufeffRoss', false],
  ])('is the answer %j said by %j exactly?', (golden, response, exactly) => {
    expect(saysExactly(golden, response)).toBe(exactly)
  })

  test('a reply with more than the verdict decides nothing; no more than three are looked at', () => {
    expect(parseJudge(['Correct!', ' WRONG. '])).toEqual({ out: false, calls: 2 })
    expect(parseJudge(['?', '?', '?', 'Correct'])).toEqual({ out: false, calls: 3 })
    expect(parseJudge([])).toEqual({ out: false, calls: 0 })
  })
})

test('HelloBench: lists with fences, line breaks and backslashes; entries without id or score count 0', () => {
  const list =
    '```json\n[{"checklist_id": "1", "reason": "a\\"b", "evaluation_score": 0.75},\n{"checklist_id": 2}]\n```'
  expect(parseChecklist(list.replace('\\"', '\\n'))).toEqual([
    { checklist_id: 1, reason: 'anb', evaluation_score: 0.75 },
    expect.objectContaining({ checklist_id: -1, evaluation_score: 0 }),
  ])
  // The backslash is taken out, so that an escaped quote ends the text, and the reply is no JSON: as in the original.
  expect(parseChecklist(list)).toBeUndefined()
  const scores = ['" 0.5 "', '"1e0"', 'true', '"x"', 'null', '[]', '"0x1"', '"inf"', '1e999']
  const found = scores.map(score => parseChecklist(`[{"checklist_id": 1.9, "evaluation_score": ${score}}]`)?.[0])
  expect(found.map(each => each?.evaluation_score)).toEqual([0.5, 1, 1, 0, 0, 0, 0, 0, 0])
  expect(found[0]?.checklist_id).toBe(1)
  expect(parseChecklist('[{"checklist_id": "1.9", "evaluation_score": 1}]')?.[0]?.evaluation_score).toBe(0)
  expect(parseChecklist('{"checklist_id": 1, "evaluation_score": 1}')).toBeUndefined()
  expect(parseChecklist('[5, null]')?.map(each => each.evaluation_score)).toEqual([0, 0])
})

test('WritingBench: a whole score from 1 to 10 and a reason, with or without a block', () => {
  const fit = { score: 7, reason: 'so' }
  const json = JSON.stringify(fit)
  expect([json, `\`\`\`json\n${json}\n\`\`\``, `json${json}`].map(parseCritic)).toEqual([fit, fit, fit])
  const unfit = [
    { score: 11, reason: 'x' },
    { score: 7.5, reason: 'x' },
    { score: '7', reason: 'x' },
    { score: 7 },
    [fit],
    7,
  ]
  expect([...unfit.map(each => JSON.stringify(each)), '', `Sure: ${json}`].map(parseCritic)).toEqual(
    Array(unfit.length + 2).fill(undefined),
  )
})

describe('LimitGen', () => {
  test.each([
    ['{"limitations": ["a", "b", "c", "d"]}', ['a', 'b', 'c']],
    ['Here:\n```json\n{"limitations": "only one"}\n```\nDone.', ['only one']],
    ['no JSON', ['Invalid Message']],
    ['[1]', ['Invalid Message']],
    ['{"limitations": 3}', ['Invalid Message']],
    ['{"limits": []}', undefined],
    ['{"limitations": [{"title": "a"}]}', undefined],
    ['{"limitations": []}', []],
  ])('the limitations of %j', (response, limitations) => {
    expect(parseLimitations(response)).toEqual(limitations)
  })

  test('a kind by the first character; else the reply itself', () => {
    expect(['2. Limited', ' 4', '0', '5', '6', 'limited datasets', ''].map(r => parseSubtype(r, 'dataset'))).toEqual([
      'limited datasets',
      'ablation study',
      'others',
      'others',
      '6',
      'limited datasets',
      '',
    ])
    expect(parseSubtype('4', 'review')).toBe('others')
  })

  test('a rating by JSON; none is 0, and one that is no number is an error', () => {
    expect(parseRating('{"explanation": "x", "rating": 4}')).toEqual({ rating: 4, explanation: 'x' })
    expect(parseRating('x\n```json\n{"explanation": "x", "rating": 4}\n```').rating).toBe(4)
    expect(['4', '{"rating": 4}', ''].map(reply => parseRating(reply).rating)).toEqual([0, 0, 0])
    expect(() => parseRating('{"explanation": "x", "rating": "4"}')).toThrow('the rating is "4", not a number')
  })
})

test('IdeaBench: hypotheses, padded; rating; rank of the true idea', () => {
  expect(hypothesesOf(' a ---IDEA-SEPARATOR--- \n ---IDEA-SEPARATOR---b')).toEqual(['a', 'b', 'NULL'])
  expect(hypothesesOf('')).toEqual(['NULL', 'NULL', 'NULL'])
  expect(hypothesesOf('a---IDEA-SEPARATOR---b---IDEA-SEPARATOR---c---IDEA-SEPARATOR---d')).toHaveLength(4)
  expect(parseOverlap('{"rating": 8, "explanation": ""}')).toBe(8)
  expect(parseOverlap('```json\n{"rating": 8}\n```')).toBe(8)
  expect(['```json {"rating": 8}```', '8', '{"rating": "8"}', ''].map(parseOverlap)).toEqual([null, null, null, null])
  const ranking = parseRanking(
    '1. **Hypothesis C**: …\n2. ** Hypothesis\u00a0A **: …\n3. Hypothesis B\n4. **Hypothesis D**',
  )
  expect(ranking).toEqual(['C', 'A', 'D'])
  expect(rankScore(ranking, 3)).toBe(1 / 3)
  expect(rankScore(['A'], 3)).toBe(0)
  expect(rankScore([], 3)).toBe(-1 / 3)
  expect(rankScore(['B'], 3)).toBeUndefined()
})

test('a block ```json … ```', () => {
  expect(fencedJson('a ```json\n1\n``` b\n```')).toBe('1')
  expect(fencedJson('```json\n1```')).toBeUndefined()
  expect(fencedJson('```json 1\n```')).toBeUndefined()
})

test('parsers of replies throw on nothing, and take seconds at most for a million characters', () => {
  const parsers: [string, (text: string) => unknown][] = [
    ['judgeScore', judgeScore],
    ['parseJudge', text => parseJudge([text, text])],
    ['saysExactly', text => saysExactly(text, text)],
    ['parseChecklist', parseChecklist],
    ['parseCritic', parseCritic],
    ['parseLimitations', parseLimitations],
    ['parseSubtype', text => parseSubtype(text, 'data')],
    ['parseOverlap', parseOverlap],
    ['parseRanking', parseRanking],
    ['hypothesesOf', hypothesesOf],
    ['fencedJson', fencedJson],
  ]
  const pieces = [
    '```json\n',
    '\n```',
    '```',
    '{"score": 3',
    '"reason": "x"}',
    '**',
    'Hypothesis A',
    '10',
    ' ',
    '\\',
    '[',
    ']',
    '分',
    '\ud800',
  ]
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map(parts => parts.join('')),
    fc.json(),
    fc
      .record({ limitations: fc.anything(), score: fc.anything(), reason: fc.string(), rating: fc.anything() })
      .map(each => JSON.stringify(each, (_, value) => (typeof value === 'bigint' ? 0 : value))),
  )
  fc.assert(
    fc.property(text, given => {
      for (const [, parse] of parsers) parse(given)
    }),
    { numRuns: 2000 },
  )
  // Quadratic time would be minutes. Each of these repeats what a pattern begins with.
  for (const piece of [
    '** ',
    '**Hypothesis ',
    '```json\n',
    '\n```',
    '[',
    '{"a":',
    '1',
    ' ',
    '\\',
    '---IDEA-SEPARATOR',
    'json',
  ])
    for (const [name, parse] of parsers) {
      const text = piece.repeat(1e6 / piece.length)
      // Processor time: the machine may be busy with other things.
      const start = process.cpuUsage().user
      parse(text)
      expect((process.cpuUsage().user - start) / 1e3, `${name} on ${JSON.stringify(piece)}`).toBeLessThan(3000)
    }
}, 60_000)

test('no text can end its own frame', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      const whole = framed('answer', text)
      const end = whole.slice(whole.lastIndexOf('\n') + 1)
      expect(whole.split(end)).toHaveLength(2)
    }),
  )
})
