/**
 * Rates and steps for experiments/locomo.ts, tried on train rows only: each setting runs over the first train rows of a
 * few conversations, and is judged by their scores before they were learned. One loaded model serves all.
 *
 *     npm run build
 *     node --import ./scripts/typescript.mjs experiments/locomo-search.ts records.json
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setAdapterFolder, toStep } from 'lora-harness'
import { mean } from 'lora-harness/report'
import experiment from './locomo.js'

const CHATS = 3
const ROWS = 12
/** Learning rate, and steps for each row. */
const SETTINGS = [
  ['1e-4', '1'],
  ['3e-4', '1'],
  ['1e-3', '1'],
  ['3e-3', '1'],
  ['3e-4', '3'],
  ['1e-3', '3'],
] as const

const path = process.argv[2]
const figure = (values: (number | null)[]) => mean(values)?.toFixed(3) ?? '–'
const { signal } = new AbortController()
const folder = mkdtempSync(join(tmpdir(), 'locomo-search-'))
setAdapterFolder(folder)

console.log('rate   steps  f1 (1–4)  f1 (5)  loss  seconds')
for (const [learningRate, steps] of SETTINGS) {
  const set: Record<string, string> = {
    chats: String(CHATS),
    steps,
    learningRate,
    ...(path !== undefined && { path }),
  }
  const args = Object.assign(set, { seed: 0, limit: undefined, out: folder })
  const harness = await experiment({ args, signal })
  harness.baselines = {}
  const startedAt = performance.now()
  for await (const { index, outcome } of harness.run({ limit: CHATS * ROWS }))
    if (outcome.kind !== 'updated') console.log(`step ${index}: ${JSON.stringify(outcome)}`)
  const done = harness.results.map(toStep)
  const part = (name: string) => figure(done.map(({ metrics }) => metrics[name] ?? null))
  const loss = figure(done.map(({ targetLoss }) => targetLoss?.before ?? null))
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  console.log(
    [learningRate.padEnd(6), steps.padEnd(6), part('f1').padEnd(9), part('f1_category5').padEnd(7), loss, seconds].join(
      ' ',
    ),
  )
}
rmSync(folder, { recursive: true })
