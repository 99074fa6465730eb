import fc from 'fast-check'
import type { TimelinePoint } from 'lora-harness/protocol'
import { describe, expect, test } from 'vitest'
import { HOSTILE } from '../../test/report/hostile.js'
import { sampleSteps, stepOf } from '../../test/report/sample.js'
import type { Texts } from '../src/model/details.js'
import { annotationsOf, find, isFiltered, NO_FILTER, placeIn, type Query, tagsIn } from '../src/model/filter.js'
import { FIRST_VIEW, OUTCOMES } from '../src/model/view.js'
import { pointOf } from './page/sample.js'

const line = sampleSteps(4, 50).map(pointOf)
const query = (about: Partial<Query> = {}): Query => ({
  ...NO_FILTER,
  ...{ sort: { by: 'index', down: false }, metric: 'f1', baseline: 'base' },
  ...about,
})
const texts = (about: Partial<Texts> = {}): Texts => ({
  ...{ question: '', response: '', reference: '', reason: '', baselines: new Map() },
  ...about,
})
const unknown = { texts: () => undefined, tags: () => [] }
const indices = (points: readonly TimelinePoint[]) => points.map(({ index }) => index)

describe('filter', () => {
  test('no filter leaves every example, from either end', () => {
    expect(find(line, query(), unknown)).toEqual({ points: line, judged: null })
    expect(indices(find(line, query({ sort: { by: 'index', down: true } }), unknown).points)).toEqual(
      line.map((_, i) => 199 - i),
    )
    expect(isFiltered(FIRST_VIEW)).toBe(false)
    expect(isFiltered({ ...FIRST_VIEW, search: '  ' })).toBe(false)
  })

  test('by outcome, by chat, and only what is worse than base', () => {
    expect(indices(find(line, query({ outcomes: ['failed'] }), unknown).points)).toEqual([17])
    expect(find(line, query({ chat: 'chat-2' }), unknown).points).toHaveLength(50)
    const worse = find(line, query({ onlyWorse: true }), unknown).points
    expect(worse.length).toBeGreaterThan(0)
    expect(worse.every(({ metrics, baselines }) => metrics.f1! < baselines.base!.f1!)).toBe(true)
    expect(find(line, query({ onlyWorse: true, baseline: null }), unknown).points).toEqual([])
  })

  test('a search finds all words, in any case, where texts are known, and counts the rest', () => {
    const known = {
      ...unknown,
      texts: ({ index }: TimelinePoint) =>
        index < 3 ? texts({ question: `Which Colour ${index}?`, response: 'Blue it is' }) : undefined,
    }
    const found = find(line, query({ search: ' blue COLOUR' }), known)
    expect(indices(found.points)).toEqual([0, 1, 2])
    expect(found.judged).toEqual({ of: 200, known: 3 })
    // Keys are in the points.
    expect(indices(find(line, query({ search: 'train/17' }), unknown).points)).toEqual([
      17, 170, 171, 172, 173, 174, 175, 176, 177, 178, 179,
    ])
    expect(indices(find(line, query({ search: '#23' }), unknown).points)).toEqual([23])
  })

  test('only where answers differ: from the baseline that is shown', () => {
    const answers = (same: boolean) => new Map([['base', { response: 'a', same }]])
    const known = {
      ...unknown,
      texts: ({ index }: TimelinePoint) => (index < 10 ? texts({ baselines: answers(index % 2 === 0) }) : undefined),
    }
    const found = find(line, query({ onlyDifferent: true }), known)
    expect(indices(found.points).filter(index => index < 10)).toEqual([1, 3, 5, 7, 9])
    // Where texts are not known, another score says so.
    const rest = found.points.filter(({ index }) => index >= 10)
    expect(rest.length).toBeGreaterThan(50)
    expect(rest.every(({ metrics, baselines }) => metrics.f1 !== baselines.base!.f1)).toBe(true)
    expect(found.judged).toEqual({ of: 200, known: 10 })
    expect(find(line, query({ onlyDifferent: true, baseline: '__proto__' }), known).points).toEqual([])
  })

  test('the last annotation of an example tells its tags', () => {
    const note = (index: number, ...tags: string[]) => ({
      ...{ type: 'annotation', branch: 'main', index, time: '', tags, note: '' },
    })
    const notes = annotationsOf([note(3, 'odd'), note(4, '__proto__'), note(3, 'good', 'long')])
    expect(tagsIn(notes)).toEqual(['__proto__', 'good', 'long'])
    const known = { ...unknown, tags: ({ index }: TimelinePoint) => notes.get(`${index} main`)?.tags ?? [] }
    expect(indices(find(line, query({ tag: 'good' }), known).points)).toEqual([3])
    expect(indices(find(line, query({ tag: 'odd' }), known).points)).toEqual([])
  })

  test.each(HOSTILE)('%j as a name, a text and a search is a text', text => {
    const hostile = stepOf(0, { metrics: JSON.parse(`{${JSON.stringify(text)}:1}`), chatId: text, key: text })
    const points = [pointOf(hostile), pointOf(stepOf(1))]
    const about = { metric: text, sort: { by: 'score', down: true }, chat: text } as const
    expect(indices(find(points, query(about), unknown).points)).toEqual([0])
    const known = { ...unknown, texts: ({ index }: TimelinePoint) => texts({ response: index === 1 ? text : '' }) }
    expect(indices(find(points, query({ search: text }), known).points)).toEqual([0, 1])
  })

  test('sorting keeps every example, in order, what has no value last, equal ones by index', () => {
    const score = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(score, score)),
        fc.constantFrom('score', 'difference'),
        fc.boolean(),
        (of, by, down) => {
          const points = of.map(([own, base], index) =>
            pointOf(
              stepOf(index, {
                metrics: own === undefined ? {} : { f1: own },
                baselines: base === undefined ? {} : { base: { response: '', metrics: { f1: base } } },
              }),
            ),
          )
          const value = ({ metrics: { f1 }, baselines }: TimelinePoint) =>
            by === 'score' || f1 === undefined ? f1 : baselines.base && f1 - baselines.base.f1!
          const { points: got } = find(points, query({ sort: { by, down } as Query['sort'] }), unknown)
          expect(indices(got).toSorted((a, b) => a - b)).toEqual(indices(points))
          for (const [i, point] of got.slice(1).entries()) {
            const [a, b] = [value(got[i]!), value(point)]
            if (b === undefined) continue
            expect(a).toBeDefined()
            expect(down ? b - a! : a! - b).toBeLessThanOrEqual(0)
            if (a === b) expect(got[i]!.index).toBeLessThan(point.index)
          }
        },
      ),
    )
  })

  test('where an example stands', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(30)), fc.nat(30), fc.boolean(), (of, index, down) => {
        const points = of.sort((a, b) => (down ? b - a : a - b)).map(each => pointOf(stepOf(each)))
        expect(placeIn(points, index, { by: 'index', down })).toBe(of.indexOf(index))
        expect(placeIn(points, index, { by: 'score', down })).toBe(of.indexOf(index))
      }),
    )
  })

  test('20,000 examples are filtered and sorted in a moment', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => ({ ...line[i % 200]!, index: i }))
    const begin = performance.now()
    find(
      many,
      query({ outcomes: OUTCOMES.slice(0, 2), onlyWorse: true, sort: { by: 'difference', down: true } }),
      unknown,
    )
    // About 15 ms on an idle machine; it must not grow with the square of the examples (which would be seconds).
    expect(performance.now() - begin).toBeLessThan(1000)
  })
})
