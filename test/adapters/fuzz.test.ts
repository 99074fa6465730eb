import { expect, test } from 'vitest'
import { jsonlExamples } from '../../src/adapters/jsonl.js'
import { parseRows } from '../../src/adapters/rows.js'
import { fuzz, type Mutation, mutateJson, mutations } from '../helpers/mutate.js'

const INPUTS = 20_000
const encode = (text: string) => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

const rows = [
  { testIdx: 1, chatId: 'a', messages: [{ role: 'user', content: 'x\u2028y' }], target: 'é', info: { k: [1, {}] } },
  { prompt: 'why', lang: 'de', other: [[1]] },
]

/** Damages the JSON of one line, or swaps, repeats or joins lines. */
const inLine: Mutation = (bytes, rng) => {
  const lines = decode(bytes).split('\n')
  const i = rng.below(lines.length)
  try {
    lines[i] = mutateJson(lines[i]!, rng)
  } catch {
    lines.push(lines[i]!.slice(rng.below(5)))
  }
  return encode(lines.join('\n'))
}
const joined: Mutation = (bytes, rng) => encode(decode(bytes).replaceAll('\n', ['', ',', '\r', '\n\n'][rng.below(4)]!))

test.each([
  ['jsonl', rows.map(row => JSON.stringify(row)).join('\n')],
  ['json', JSON.stringify(rows)],
])(
  'damaged .%s rows are refused in words, at once, without asking for much memory',
  (kind, text) => {
    const seen = fuzz(mutations(4, INPUTS, [encode(text)], [inLine, inLine, inLine, joined]), bytes => {
      const values = parseRows(bytes, `rows.${kind}`).map(row => row.value)
      jsonlExamples(values, { evaluate: () => ({}) })
    })
    console.info(kind, seen)
    expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(INPUTS / 50)
  },
  120_000,
)
