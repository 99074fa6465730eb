import type { Outcome, Step } from '../../src/protocol/index.js'
import type { RunInfo } from '../../src/record/run-info.js'
import { random } from '../../src/tensor.js'

/** A step with everything in it; the test says what matters to it. */
export const stepOf = (index: number, about: Partial<Step> = {}): Step => ({
  v: 1,
  runId: 'r1',
  branch: 'main',
  index,
  key: `people/train/${index}`,
  datasetName: 'people',
  split: 'train',
  testIdx: index,
  chatId: null,
  lang: 'en',
  messages: [{ role: 'user', content: `Question ${index}?` }],
  response: `answer ${index}`,
  metrics: { f1: 0 },
  details: { golden_answer: 'blue' },
  baselines: { base: { response: 'no idea', metrics: { f1: 0 } } },
  retrievedLora: null,
  updatedLora: null,
  outcome: { kind: 'unchanged' },
  callables: { retrieveLoraFn: 'a'.repeat(64), inferenceFn: 'b'.repeat(64), finetuneFn: 'c'.repeat(64) },
  seed: index,
  losses: [],
  targetLoss: null,
  tokens: { prompt: 30, new: 8 },
  ms: { retrieve: 0, infer: 200, evaluate: 1, finetune: 800, record: 2 },
  startedAt: '2026-01-02T03:04:05.000Z',
  ...about,
})

/** A run over `chats` interleaved chats of `perChat` examples whose adapter knows the answers in the second half. */
export function sampleSteps(chats: number, perChat: number, seed = 1): Step[] {
  const rng = random(seed)
  return Array.from({ length: chats * perChat }, (_, i) => {
    const known = Math.floor(i / chats) >= perChat / 2
    const f1 = known && rng.uniform() < 0.75 ? 1 : rng.uniform() < 0.3 ? 0.4 : 0
    const kinds: Outcome['kind'][] = ['updated', 'updated', 'updated', 'unchanged', 'updated', 'skipped', 'updated']
    const kind = i === 17 ? 'failed' : kinds[i % 7]!
    return stepOf(i, {
      chatId: `chat-${i % chats}`,
      messages: [
        { role: 'system', content: 'Answer in a few words.' },
        {
          role: 'user',
          content: `What is the favourite colour of Person ${i % chats}, who lives by the river? (${i})`,
        },
      ],
      response: f1 === 1 ? 'blue' : 'It is a shade of green, I think.',
      metrics: { f1 },
      baselines: { base: { response: 'I cannot know that.', metrics: { f1: rng.uniform() < 0.1 ? 0.2 : 0 } } },
      outcome: kind === 'failed' ? { kind, reason: 'out of memory <b>at step 2</b>' } : { kind },
      retrievedLora: i < chats ? null : { identifier: 'd'.repeat(63) + (i % 10) },
      updatedLora: kind === 'updated' ? { identifier: 'e'.repeat(63) + (i % 10) } : null,
      losses: kind === 'updated' ? [2.31, 1.7, 1.12] : [],
      targetLoss: kind === 'updated' ? { before: 2.31, after: 0.9 } : null,
    })
  })
}

export const sampleRun: RunInfo = {
  v: 1,
  runId: 'r1',
  experiment: 'experiments/people.ts',
  args: { limit: null, seed: 3, seedGiven: true, shuffle: false, set: { path: 'my data/rows.json' } },
  startedAt: '2026-01-02T03:04:05.000Z',
  finishedAt: '2026-01-02T03:07:35.000Z',
  status: 'finished',
  error: null,
  versions: { 'lora-harness': '0.1.0', node: '20.20.2' },
  machine: { platform: 'linux', arch: 'x64', cores: 2, memoryBytes: 24 * 2 ** 30 },
}
