import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { comparisonText } from '../../src/cli/compare.js'
import { LoRAHarness } from '../../src/harness/index.js'
import type { Step } from '../../src/protocol/index.js'
import { compareSteps } from '../../src/record/compare.js'
import { createRun } from '../../src/record/open.js'
import { ask, collect, toy } from '../harness/toy.js'
import { sampleSteps, stepOf } from '../report/sample.js'
import { cli, workFolder } from './cli.js'

const shown = (a: Step[], b: Step[]) => comparisonText('runs/a', 'runs/b', compareSteps(a, b))

describe('comparisonText', () => {
  const a = sampleSteps(4, 14, 1)
  const b = a.map(step => ({ ...step, metrics: { f1: Math.min(1, step.metrics.f1! + (step.index % 3 ? 0.5 : 0)) } }))

  test('says the difference with its interval, counts, test and unit', () => {
    const text = shown(a, b)
    expect(text).toContain('56 examples, the same in both.')
    expect(text).toMatch(
      /B scored 0\.\d\d \(f1\), A 0\.\d\d: \+0\.\d\d \(95 % \+0\.\d\d to \+0\.\d\d\)\. B better on \d+,/,
    )
    expect(text).toMatch(/exact sign test:\sp < 0\.001/)
    expect(text).toContain('10,000 seeded resamples of 4 chats')
    expect(text).toMatch(/^chat-0 +14 +0\.\d\d +0\.\d\d +\+0\.\d\d +\d+\/\d+\/0 +too few to say$/m)
  })

  test('fits on a screen', () => {
    const lines = shown(sampleSteps(40, 5, 1), sampleSteps(40, 5, 2)).split('\n')
    expect(lines.length).toBeLessThan(50)
    expect(Math.max(...lines.map(line => line.length))).toBeLessThan(121)
    expect(lines).toContain('(28 more with --json)')
  })

  test('under 20 pairs there is too little to say, and no test', () => {
    const text = shown(a.slice(0, 19), b.slice(0, 19))
    expect(text).toContain('19 pairs: too few to say')
    expect(text).not.toContain('exact sign test')
  })

  test('names what only one has, other code, and where the two part', () => {
    const callables = { ...stepOf(0).callables, finetuneFn: 'x' }
    const other = [stepOf(0, { callables }), stepOf(1, { callables, response: 'new' }), stepOf(9, { callables })]
    const text = shown(
      [0, 1, 2].map(i => stepOf(i)),
      other,
    )
    expect(text).toContain('2 examples, in both; 1 only in A, 1 only in B.')
    expect(text).toContain('1 example with another answer and 0 with another f1. Other code: finetuneFn.')
    expect(text).toMatch(/They differ first at step 1 \(people\/train\/1\), in response: A "answer 1", B "new"\./)
    expect(text).toMatch(/^#1 people\/train\/1 +0\.00 +0\.00 +answer 1 → new$/m)
    expect(shown([stepOf(0)], [stepOf(0)])).toContain('Step by step the two are equal, times aside.')
    expect(shown([stepOf(0), stepOf(1)], [stepOf(0)])).toContain('They are equal as far as B goes: 1 step.')
    const turned = [stepOf(1), stepOf(0)]
    expect(shown([stepOf(0), stepOf(1)], turned)).toContain('From step 0 on the order of the examples differs')
  })

  test('texts of models and data are harmless', () => {
    const nasty = '\x1b[2J\r\u202eevil\n'
    const text = shown(
      [stepOf(0, { chatId: nasty, metrics: { [nasty]: 0 }, details: { category: nasty } })],
      [stepOf(0, { chatId: nasty, metrics: { [nasty]: 1 }, response: nasty })],
    )
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f\u202e]/)
    expect(text).toContain('evil')
  })
})

describe('lora-harness compare', () => {
  const folder = workFolder()
  const examples = Array.from({ length: 6 }, (_, i) => ask(i, `question ${i % 3}`, `answer ${i % 3}`, 'chat'))

  async function record(name: string): Promise<void> {
    const recorder = await createRun(join(folder, name))
    const run = new LoRAHarness({ exampleSource: examples, ...toy, recorder })
    await collect(run.run())
    await collect(run.fork({ at: 2, name: 'still', skipUpdates: [2] }).run())
    recorder.close()
  }

  test('two branches of a run, as text and as JSON', async () => {
    await record('run')
    const { code, output } = await cli(['compare', 'run@main', 'run@still'], folder)
    expect(output).toContain('A: run@main\nB: run@still\n')
    expect(output).toContain('6 examples, the same in both.')
    expect(output).toMatch(/B scored 0\.33 \(exact\), A 0\.50: −0\.17 .* 6 pairs: too few to say\./)
    expect(output.replaceAll(/\s+/g, ' ')).toContain('They differ first at step 2 (toy/train/2), in outcome.kind')
    expect(output).toMatch(/^#5 toy\/train\/5 +1\.00 +0\.00 +answer 2 → \?$/m)
    expect(code).toBe(0)

    const json = JSON.parse((await cli(['compare', 'run@main#3', 'run@still', '--json'], folder)).output)
    expect(json).toMatchObject({ a: 'run@main#3', b: 'run@still', pairs: 4, unmatched: { a: 0, b: 2 } })
  })

  test('what cannot be compared is said', async () => {
    const missing = await cli(['compare', 'run', 'nowhere'], folder)
    expect(missing.code).toBe(2)
    expect(missing.output).toContain('nowhere')
    const metric = await cli(['compare', 'run@main', 'run@still', '--metric', 'bleu'], folder)
    expect(metric).toMatchObject({ code: 2 })
    expect(metric.output).toContain('comparing runs by bleu: no example has it in both; both have exact')
    const branch = await cli(['compare', 'run@main', 'run@gone'], folder)
    expect(branch.output).toContain('main')
    expect(branch.code).toBe(2)
    const beyond = await cli(['compare', 'run@main', 'run@still#6'], folder)
    expect(beyond.output).toContain('reading run@still#6: it has 6 examples, counted from 0')
  })
})
