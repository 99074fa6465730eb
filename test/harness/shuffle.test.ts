import { describe, expect, test } from 'vitest'
import { LoRAHarness, type LoRAHarnessOptions } from '../../src/harness/index.js'
import { ask, collect, numbered, toy } from './toy.js'

const order = async (options: Partial<LoRAHarnessOptions>) => {
  const run = new LoRAHarness({ exampleSource: numbered(8), ...toy, ...options })
  await collect(run.run())
  return run.results.map(r => r.example.testIdx)
}

describe('shuffle', () => {
  test('orders the examples by the seed: each once, the same for the same seed', async () => {
    const first = await order({ shuffle: true, seed: 1 })
    expect(first).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect([...first].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(await order({ shuffle: true, seed: 1 })).toEqual(first)
    expect(await order({ shuffle: true, seed: 2 })).not.toEqual(first)
    expect(await order({ seed: 1 })).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  test.each<[string, LoRAHarnessOptions['exampleSource']]>([
    ['a callable', () => numbered(8)],
    ['a generator', numbered(8).values()],
    [
      'an asynchronous one',
      (async function* () {
        yield* numbered(8)
      })(),
    ],
  ])('whatever the source is: %s', async (_, exampleSource) => {
    expect(await order({ shuffle: true, seed: 1, exampleSource })).toEqual(await order({ shuffle: true, seed: 1 }))
  })

  test('may be set until the first example is read; forks keep the order', async () => {
    const run = new LoRAHarness({ exampleSource: numbered(8), ...toy })
    run.shuffle = true
    run.seed = 1
    expect(await run.total()).toBe(8)
    await collect(run.run())
    const fork = run.fork({ at: 0, finetuneFn: () => null })
    await collect(fork.run())
    expect(run.results.map(r => r.example.testIdx)).toEqual(await order({ shuffle: true, seed: 1 }))
    expect(fork.results.map(r => r.example.testIdx)).toEqual(run.results.map(r => r.example.testIdx))
  })

  test('a malformed example is still named', async () => {
    const examples = [{ ...ask(0, 'q', 'a'), lang: 5 } as never]
    await expect(order({ shuffle: true, exampleSource: examples })).rejects.toThrow('reading example 0 of the source')
    await expect(order({ shuffle: true, exampleSource: 5 as never })).rejects.toThrow(/^opening the example source: /)
  })
})
