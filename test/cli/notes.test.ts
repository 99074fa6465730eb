import { describe, expect, test } from 'vitest'
import { closingLines, leakLine, noteEvents, probingLine } from '../../src/cli/notes.js'
import { LoRAHarness } from '../../src/harness/index.js'
import { ask, collect, toy } from '../harness/toy.js'

describe('lines about probes and leaks', () => {
  test('as they happen, and how many leaks there were', async () => {
    const run = new LoRAHarness({
      exampleSource: [ask(0, 'q', 'a', 'chat'), ask(1, 'q', 'a', 'chat')],
      ...toy,
      probes: { examples: [ask(9, 'q', 'a', 'chat'), ask(10, 'other', 'b', 'chat')], every: 1 },
    })
    const lines: string[] = []
    const leaks = noteEvents(run, line => lines.push(line))
    await collect(run.run())
    const adapter = run.results[0]!.updatedLora!.identifier
    expect(lines).toEqual([
      'Probes before example 0: exact 0.00 (2 probes).',
      `Leak: probe toy/train/9 was trained on before it was scored: adapter ${adapter}, made at step 0.`,
      'Probes before example 1: exact 0.50 (2 probes).',
      `Leak: example toy/train/1 was trained on before it was scored: adapter ${adapter}, made at step 0.`,
      'Probes before example 2: exact 0.50 (2 probes).',
    ])
    expect(leaks()).toBe(2)
    expect(closingLines(run, leaks())).toEqual([
      // The chat: 0 at first, then 0.5. Example 1 taught nothing new, so it was learned before the second probing.
      'Probes (exact): 0.00 at first, 0.50 at last; forgetting 0.00, backward transfer 0.00, forward transfer not defined.',
      'Leaks: 2 examples had been trained on before being scored: see the warnings above.',
    ])
    expect(closingLines({ results: [], probings: [] }, 0)).toEqual([])
  })

  test('are harmless, whatever the names are, and say what has no score', () => {
    const line = leakLine({ type: 'leak', key: 'a\x1b[2J\nb', adapter: 'f'.repeat(64), trainedAt: null })
    expect(line).toBe('Leak: example a b was trained on before it was scored: adapter ffffffff, made outside this run.')
    const probe = { key: 'k', chatId: null, response: '', metrics: {}, lora: null }
    expect(probingLine({ branch: 'main', at: 3, probes: [probe], startedAt: '' })).toBe(
      'Probes before example 3: not scored (1 probe).',
    )
  })
})
