import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { LoRAModel } from '../../src/engine/model.js'
import { LoRAHarness, type LoRAHarnessOptions, rehearse, toStep } from '../../src/harness/index.js'
import { setAdapterFolder } from '../../src/lora/folder.js'
import type { LoRAHandle } from '../../src/lora/handle.js'
import { firstDifference, firstDifferentStep } from '../../src/record/difference.js'
import { openRun, readRun } from '../../src/record/open.js'
import { replay } from '../../src/record/replay.js'
import { ask } from '../harness/toy.js'
import { temporaryFolder } from '../helpers/folder.js'

/** What a training step of these tests is made with; nothing of it shows in a callable's text. */
const settings = { learningRate: 1e-3 }

/**
 * Two chats that take turns, answers sampled, adapters that go on with their optimizer's state: everything that a state
 * consists of decides about the next step.
 */
function experiment(model: () => LoRAModel, examples: number): LoRAHarnessOptions {
  const names = ['Ann', 'Bob', 'Cleo', 'Dan']
  return {
    exampleSource: Array.from({ length: examples }, (_, i) =>
      ask(i, `Who has number ${i}?`, names[i % 4]!, i % 2 === 0 ? 'even' : 'odd'),
    ),
    seed: 7,
    retrieveLoraFn: (example, { store }) => store.getLast(example.chatId),
    inferenceFn: (example, lora, { seed }) =>
      model().generate(example.messages, { lora, maxNewTokens: 6, temperature: 1, seed }),
    finetuneFn: ({ chatId, messages, target }, lora, _response, _metrics, { results, seed }) =>
      model().finetune(lora, [{ messages, target: target! }, ...rehearse(results, { chatId, count: 1, seed })], {
        steps: 2,
        learningRate: settings.learningRate,
        seed,
        optimizerState: 'continue',
      }),
    baselines: { base: example => model().generate(example.messages, { maxNewTokens: 4 }) },
  }
}

/** The suite of a model: a run of it can be rewound, forked, gone on with and replayed, to the last bit. */
export function exactness(name: string, load: () => Promise<LoRAModel>, examples: number): void {
  const folder = temporaryFolder()
  const path = join(folder, 'run')
  const k = Math.floor(examples / 2)
  let model: LoRAModel
  const options = () => experiment(() => model, examples)
  const bytes = (lora: LoRAHandle | null) => readFileSync(join(lora!.path!, 'adapter_model.safetensors'))

  describe(name, () => {
    beforeAll(async () => {
      model = await load()
      const run = await openRun(path, options())
      for await (const _ of run.run()) if (run.results.length === examples) break
      run.recorder.end('finished')
      run.recorder.close()
    })

    test('what was answered and trained is no accident: every example has an adapter of its own', () => {
      const steps = readRun(path).steps()
      expect(new Set(steps.map(step => step.updatedLora?.identifier)).size).toBe(examples)
      expect(steps.every(step => step.losses.length === 2)).toBe(true)
    })

    test('after rewind(k) the same callables reproduce text and adapter of example k and all that follow', async () => {
      const run = await openRun(path, options())
      const before = run.results
      run.rewind(k, 'again')
      for await (const _ of run.run()) if (run.results.length === examples) break
      run.recorder.close()
      expect(firstDifferentStep(before.map(toStep), run.results.map(toStep))).toBeNull()
      expect(run.results[k]!.branch).toBe('again')
      for (const i of [k, examples - 1])
        expect(bytes(run.results[i]!.updatedLora).equals(bytes(before[i]!.updatedLora))).toBe(true)
    })

    test('a fork at k with the same callables is identical; without the update of k it differs where k is used', async () => {
      const run = await openRun(path, { ...options(), branch: 'main' })
      const same = run.fork({ at: k, name: 'same' })
      const without = run.fork({ at: k, name: 'without', skipUpdates: [k] })
      for (const fork of [same, without]) for await (const _ of fork.run()) if (fork.results.length === examples) break
      const steps = run.results.map(toStep)
      expect(firstDifferentStep(steps, same.results.map(toStep))).toBeNull()
      const there = firstDifferentStep(steps, without.results.map(toStep))
      expect(there).toMatchObject({ position: k, path: 'outcome.kind', a: 'updated', b: 'skipped' })
      // The other chat knows nothing of it; the same chat answers with another adapter the next time.
      expect(firstDifference(steps[k + 1]!, toStep(without.results[k + 1]!))).toBeNull()
      expect(firstDifference(steps[k + 2]!, toStep(without.results[k + 2]!))).toMatchObject({
        path: 'retrievedLora.identifier',
      })
      run.recorder.close()
    })

    test('replay proves every step of every branch, one that leaves an update out among them', async () => {
      const record = readRun(path)
      setAdapterFolder(join(folder, 'replayed'))
      // Before k a branch has the steps of main.
      for (const [branch, from] of [
        ['main', 0],
        ['without', k],
      ] as const) {
        const replayed = []
        for await (const one of replay(record, new LoRAHarness(options()), { branch, from })) replayed.push(one)
        expect(replayed).toHaveLength(examples - from)
        expect(replayed.map(one => [one.difference, one.otherCallables])).toEqual(replayed.map(() => [null, []]))
      }
      record.close()
    })

    test('replay finds what no hash of a callable tells: another learning rate', async () => {
      const record = readRun(path)
      settings.learningRate = 1.01e-3
      try {
        const { value } = await replay(record, new LoRAHarness(options()), { branch: 'main', from: k }).next()
        expect(value).toMatchObject({ step: { index: k }, otherCallables: [], difference: { path: 'losses[1]' } })
        const edited = new LoRAHarness({ ...options(), finetuneFn: () => null })
        const { value: other } = await replay(record, edited, { from: k }).next()
        expect(other).toMatchObject({ otherCallables: ['finetuneFn'], difference: null })
      } finally {
        settings.learningRate = 1e-3
        record.close()
      }
    })
  })
}
