import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { repeatsText } from '../../src/cli/repeats.js'
import { readRun } from '../../src/record/open.js'
import { summariseRepeats } from '../../src/record/repeats.js'
import { sampleSteps, stepOf } from '../report/sample.js'
import { cli, workFolder, writeExperiment } from './cli.js'

describe('repeatsText', () => {
  const repeats = [0, 1, 2].map(seed => ({ seed, steps: sampleSteps(8, 14, seed + 1) }))

  test('a line for each repeat, then means with both intervals, each named', () => {
    expect(repeatsText(summariseRepeats(repeats), 3)).toMatchInlineSnapshot(`
      "seed  examples  adapter  base
      0          112     0.47  0.02
      1          112     0.46  0.01
      2          112     0.43  0.02

      3 repeats, mean f1: adapter 0.45 (95 % 0.40 to 0.50), base 0.02 (95 % 0.00 to 0.03).
      Adapter minus base: +0.43 (95 % +0.38 to +0.48) over the repeats; all pairs pooled +0.43 (95 %
      +0.39 to +0.48).
      Intervals over repeats: Student's t; they tell how much the seed matters, not how other examples
      would come out.
      Pooled intervals: paired by example, 10,000 seeded resamples of 8 chats."
    `)
  })

  test('a single repeat has no interval; one that failed is missed', () => {
    const text = repeatsText(summariseRepeats(repeats.slice(0, 1)), 3)
    expect(text).toMatch(/^1 of 3 repeats, mean f1: adapter 0\.\d\d, base 0\.\d\d\.$/m)
  })

  test('nothing finished, nothing scored', () => {
    expect(repeatsText(summariseRepeats([]), 2)).toBe('No repeat was finished.')
    const steps = [stepOf(0, { metrics: {}, baselines: {} })]
    expect(repeatsText(summariseRepeats([{ seed: 0, steps }]), 1)).toBe('1 repeat; nothing was scored.')
  })
})

describe('lora-harness run --seeds and --shuffle', () => {
  const folder = workFolder()

  test('repeats the experiment with seeds one after the other, each in a folder of its own', async () => {
    writeExperiment(folder, 'people.mjs', {
      inferenceFn: "(example, lora, harness) => (harness.seed % 2 ? 'no' : 'yes')",
    })
    const { code, output } = await cli(
      ['run', 'people.mjs', '--seeds', '3', '--seed', '7', '--set', 'n=4', '--shuffle', '--out', 'all'],
      folder,
    )
    expect(output).toMatch(/Repeat 3 of 3, seed 9/)
    expect(readdirSync(join(folder, 'all')).sort()).toEqual(['seed-7', 'seed-8', 'seed-9'])
    expect(output).toMatch(
      /^3 repeats, mean f1: adapter \d\.\d\d \(95 % .* to .*\), base 0\.00 \(95 % 0\.00 to 0\.00\)\.$/m,
    )
    expect(output.trimEnd()).toMatch(/Runs: all$/)
    expect(code).toBe(0)
    const orders = [7, 8, 9].map(seed => {
      const record = readRun(join(folder, `all/seed-${seed}`))
      expect(record.info.args).toMatchObject({ limit: null, seed, shuffle: true, set: { n: '4' } })
      return record.steps().map(step => step.testIdx)
    })
    expect(orders.map(order => [...order].sort())).toEqual(Array(3).fill([0, 1, 2, 3]))
    expect(new Set(orders.map(String)).size).toBeGreaterThan(1)
  })

  test('a repeat that fails ends it; its code is the verb’s', async () => {
    writeExperiment(folder, 'broken.mjs', {
      inferenceFn: "(example, lora, harness) => { throw new Error('no memory') }",
    })
    const { code, output } = await cli(['run', 'broken.mjs', '--seeds', '2', '--out', 'broken'], folder)
    expect(code).toBe(1)
    expect(output).toContain('no memory')
    expect(output).not.toContain('Repeat 2 of 2')
    expect(output).toContain('No repeat was finished.')
  })

  test('Ctrl-C ends the repeat that goes on, and with it the others', async () => {
    writeExperiment(folder, 'slow.mjs', {
      inferenceFn: '() => new Promise(resolve => setTimeout(() => resolve("yes"), 50))',
    })
    let pressed = false
    const { code, output } = await cli(['run', 'slow.mjs', '--seeds', '3', '--set', 'n=500'], folder, (text, child) => {
      if (pressed || !text.includes('2 of 500')) return
      pressed = true
      child.kill('SIGINT')
    })
    expect(code).toBe(130)
    expect(output).toContain('Interrupted: stopping')
    expect(output).not.toContain('Repeat 2 of 3')
    expect(output).toContain('No repeat was finished.')
  })

  test('not with --watch, and not into a folder that holds something', async () => {
    const watched = await cli(['run', 'people.mjs', '--seeds', '2', '--watch'], folder)
    expect(watched).toMatchObject({ code: 2 })
    expect(watched.output).toContain('it cannot go with --watch')
    const full = await cli(['run', 'people.mjs', '--seeds', '2', '--out', 'all'], folder)
    expect(full.code).toBe(2)
    expect(full.output).toContain('a run needs a new or empty folder')
  })

  test('probes and leaks are told as they happen, and how many leaks there were', async () => {
    writeExperiment(folder, 'probed.mjs', {
      exampleSource: "examples.map(e => ({ ...e, target: 'yes' }))",
      probes: "{ examples: examples.slice(0, 2).map(e => ({ ...e, target: 'yes', datasetName: 'probe' })), every: 4 }",
      retrieveLoraFn: '(example, harness) => harness.store.getLast(example.chatId)',
      finetuneFn:
        "async (e, l, r, m, { index }) => new (await import('lora-harness')).LoRAHandle({ identifier: 'made-' + index })",
    })
    const { code, output } = await cli(['run', 'probed.mjs', '--limit', '5'], folder)
    expect(code).toBe(0)
    expect(output.match(/^Probes before example .*$/gm)).toEqual([
      'Probes before example 0: f1 0.00 (2 probes).',
      'Probes before example 4: f1 1.00 (2 probes).',
      'Probes before example 5: f1 1.00 (2 probes).',
    ])
    expect(output.match(/^Leak.*$/gm)).toEqual([
      'Leak: probe probe/-/0 was trained on before it was scored: adapter made-0, made at step 0.',
      'Leak: probe probe/-/1 was trained on before it was scored: adapter made-1, made at step 1.',
      'Leaks: 2 examples had been trained on before being scored: see the warnings above.',
    ])
  })
})
