import { expect, test } from 'vitest'
import { LoRAHarness, toStep } from '../../src/harness/index.js'
import { stepsJsonl } from '../../src/record/jsonl.js'
import { ask, toy } from '../harness/toy.js'

test('a line a step, whatever its texts hold', async () => {
  const odd = 'two\nlines \u2028 \ud800 \0'
  const run = new LoRAHarness({ exampleSource: [ask(0, odd, odd), ask(1, 'b', 'c')], ...toy })
  for await (const _ of run.run());
  const lines = stepsJsonl(run.results.map(toStep)).split('\n')
  expect(lines.pop()).toBe('')
  expect(lines.map(line => JSON.parse(line))).toEqual(run.results.map(toStep))
  expect(stepsJsonl([])).toBe('')
})
