import { describe, expect, test } from 'vitest'
import type { Probing, Step } from '../../src/protocol/index.js'
import { transfer } from '../../src/record/transfer.js'
import { stepOf } from '../report/sample.js'

/** Steps of these chats, each of which updates its adapter. */
const learning = (...chats: string[]): Step[] =>
  chats.map((chatId, i) => stepOf(i, { chatId, outcome: { kind: 'updated' } }))

/** A probing with one probe for each chat. */
const probing = (at: number, scores: Record<string, number>): Probing => ({
  branch: 'main',
  at,
  probes: Object.entries(scores).map(([chat, f1]) => ({
    key: `probe/-/${chat}`,
    chatId: chat === 'general' ? null : chat,
    response: '',
    metrics: { f1 },
    lora: null,
  })),
  startedAt: '2026-01-02T03:04:05.000Z',
})

describe('transfer', () => {
  /*
   * Chats A, B, C, two steps each, a stage before the first and after each chat. R, a row for each stage:
   *
   *   stage at   A     B     C     general
   *   0     0   0.10  0.20  0.00   0.50
   *   1     2   0.80  0.30  0.10   0.60
   *   2     4   0.60  0.90  0.25   0.40
   *   3     6   0.70  0.50  1.00   0.45
   *
   * Forgetting, best of stages 0 … 2 minus stage 3: A 0.80 − 0.70 = 0.10; B 0.90 − 0.50 = 0.40; C was not learned
   *   before stage 2: undefined; general 0.60 − 0.45 = 0.15. Mean (0.10 + 0.40 + 0.15) / 3.
   * Backward, stage 3 minus the stage after learning: A 0.70 − 0.80 = −0.10; B 0.50 − 0.90 = −0.40; C: that is stage 3.
   * Forward, the stage before learning minus stage 0: A: that is stage 0; B 0.30 − 0.20 = 0.10; C 0.25 − 0.00 = 0.25.
   */
  const steps = learning('A', 'A', 'B', 'B', 'C', 'C')
  const probings = [
    probing(0, { A: 0.1, B: 0.2, C: 0, general: 0.5 }),
    probing(2, { A: 0.8, B: 0.3, C: 0.1, general: 0.6 }),
    probing(4, { A: 0.6, B: 0.9, C: 0.25, general: 0.4 }),
    probing(6, { A: 0.7, B: 0.5, C: 1, general: 0.45 }),
  ]

  test('of a matrix worked out by hand', () => {
    const found = transfer(steps, probings)
    expect(found).toMatchObject({ metric: 'f1', stages: [0, 2, 4, 6] })
    const [A, B, C, general] = found.tasks
    // Differences of decimals: one rounding.
    expect([A!.forgetting, A!.backward]).toEqual([expect.closeTo(0.1, 14), expect.closeTo(-0.1, 14)])
    expect([B!.forgetting, B!.backward, B!.forward]).toEqual([
      expect.closeTo(0.4, 14),
      expect.closeTo(-0.4, 14),
      expect.closeTo(0.1, 14),
    ])
    expect([A!.forward, C!.forgetting, C!.backward, C!.forward]).toEqual([null, null, null, 0.25])
    expect(general).toMatchObject({ chat: null, learned: null, backward: null, forward: null })
    expect(general!.forgetting).toBeCloseTo(0.15, 14)
    expect(found.forgetting).toBeCloseTo(0.65 / 3, 14)
    expect(found.backward).toBeCloseTo(-0.25, 14)
    expect(found.forward).toBeCloseTo(0.175, 14)
  })

  test('a probing before a step has not seen it', () => {
    // A is learned at steps 0 and 2: the first stage after is the one at 3, not at 2. B, at step 1: before it, at 1.
    const found = transfer(learning('A', 'B', 'A', 'C'), [
      probing(0, { A: 0, B: 0 }),
      probing(1, { A: 0.5, B: 0.25 }),
      probing(2, { A: 0.5, B: 1 }),
      probing(3, { A: 0.75, B: 1 }),
      probing(4, { A: 0.5, B: 1 }),
    ])
    expect(found.tasks[0]).toMatchObject({ backward: -0.25, learned: { first: 0, last: 2 } })
    expect(found.tasks[1]).toMatchObject({ backward: 0, forward: 0.25 })
  })

  test('a chat’s score is the mean over its probes; a metric that a probe lacks does not count', () => {
    const two = probing(0, { A: 1 })
    two.probes.push({ ...two.probes[0]!, key: 'another', metrics: { f1: 0 } })
    two.probes.push({ ...two.probes[0]!, key: 'third', metrics: { bleu: 0.5 } })
    expect(transfer([], [two]).tasks).toMatchObject([{ probes: 3, scores: [0.5] }])
    expect(transfer([], [two], 'bleu').tasks[0]!.scores).toEqual([0.5])
  })

  test('only updates teach: a chat that learned nothing has no transfer', () => {
    const still = steps.map(step => ({ ...step, outcome: { kind: 'unchanged' as const } }))
    const found = transfer(still, probings)
    expect(found.tasks.slice(0, 3).map(t => [t.learned, t.forgetting, t.backward, t.forward])).toEqual(
      Array(3).fill([null, null, null, null]),
    )
    expect([found.backward, found.forward]).toEqual([null, null])
    expect(found.forgetting).toBeCloseTo(0.15, 14) // Of the probes without a chat.
  })

  test('is undefined where there is nothing to compare with, never 0', () => {
    expect(transfer(steps, [])).toEqual({
      metric: null,
      stages: [],
      tasks: [],
      forgetting: null,
      backward: null,
      forward: null,
    })
    const once = transfer(steps, [probing(6, { A: 1, general: 1 })])
    expect([once.forgetting, once.backward, once.forward]).toEqual([null, null, null])
    // No stage before training: there is nothing that forward transfer could be measured against.
    expect(transfer(steps, probings.slice(1)).forward).toBeNull()
  })
})
