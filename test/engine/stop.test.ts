import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stopFilter } from '../../src/engine/stop.js'

/** What is handed on of a text that comes in pieces. */
function pieces(stop: string[], ...text: string[]) {
  const out: string[] = []
  const filter = stopFilter(stop, piece => out.push(piece))
  for (const piece of text) filter.push(piece)
  filter.end()
  expect(filter.text()).toBe(out.join(''))
  return { out, stopped: filter.stopped() }
}

test.each<[string, string[], string[], string[], boolean]>([
  ['nothing to hold back', ['\n\n'], ['one ', 'two'], ['one ', 'two'], false],
  ['the beginning of a stop text waits, and goes with it', ['\n\n'], ['one\n', '\ntwo'], ['one'], true],
  ['what turns out to be no stop text comes late', ['\n\n'], ['one\n', 'two'], ['one', '\ntwo'], false],
  ['what waits at the end comes then', ['\n\n'], ['one\n'], ['one', '\n'], false],
  ['nothing follows a stop text', ['.'], ['a.', 'b.', 'c'], ['a'], true],
  ['a stop text that is all there is', ['User:'], ['Us', 'er', ':'], [], true],
  ['the one that begins first ends the text, if it is last to be whole', ['b', 'abc'], ['xab', 'c'], ['x'], true],
  ['the other, if it never is', ['b', 'abc'], ['xab', 'd'], ['x', 'a'], true],
  ['the beginning within a beginning', ['aab'], ['aa', 'ab'], ['a'], true],
  ['no stop texts', [], ['a', 'b'], ['a', 'b'], false],
])('%s', (_, stop, text, out, stopped) => {
  expect(pieces(stop, ...text)).toEqual({ out, stopped })
})

test('however the text is cut: what is handed on is the text up to the first stop text', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 })
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 3,
  })
  fc.assert(
    fc.property(letters, stops, fc.array(fc.nat(30), { maxLength: 6 }), (text, stop, cuts) => {
      const ends = [...cuts.map(c => Math.min(c, text.length)), text.length].sort((a, b) => a - b)
      const { out, stopped } = pieces(stop, ...ends.map((end, i) => text.slice(ends[i - 1] ?? 0, end)))
      const found = stop.map(s => text.indexOf(s)).filter(at => at >= 0)
      expect(out.join('')).toBe(text.slice(0, Math.min(...found, text.length)))
      expect(stopped).toBe(found.length > 0)
    }),
    { numRuns: 2000 },
  )
})
