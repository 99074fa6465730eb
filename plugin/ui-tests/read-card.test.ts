import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { type Card, MIME } from 'lora-harness/protocol'
import { expect, test } from 'vitest'
import { readCard } from '../src/model/read-card.js'

const folder = new URL('../../notebooks/', import.meta.url)
const cards = readdirSync(folder)
  .filter(name => name.endsWith('.ipynb'))
  .flatMap(name => {
    const { cells } = JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
    return cells.flatMap(({ outputs = [] }) =>
      outputs.flatMap(({ data = {} }: { data: Record<string, unknown> }) => (MIME in data ? [data[MIME]] : [])),
    ) as Card[]
  })

test("every card of the project's notebooks is read as it is", () => {
  expect(new Set(cards.map(({ kind }) => kind)).size).toBeGreaterThan(3)
  for (const card of cards) expect(readCard(card)).toEqual(card)
})

test('a card of another version is told from one that is broken', () => {
  expect(readCard({ v: 2, kind: 'run' })).toEqual({ version: '2', why: '' })
  expect(readCard({ v: 1, kind: 'progress', label: 'x', done: -1, total: null, left: null })).toMatchObject({
    version: null,
    why: expect.stringContaining('done'),
  })
})

test('anything is either a card or a reason', () => {
  fc.assert(
    fc.property(
      fc.json().map(text => JSON.parse(text)),
      fc.nat(cards.length - 1),
      (any, i) => {
        const whole = cards[i]! as unknown as Record<string, unknown>
        for (const key of Object.keys(whole)) {
          const read = readCard({ ...whole, [key]: any })
          expect('kind' in read || typeof read.why === 'string').toBe(true)
        }
        const read = readCard(any)
        expect('kind' in read || typeof read.why === 'string').toBe(true)
      },
    ),
    { numRuns: 50 },
  )
})
