import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ensureEmbeddedModel } from '../src/models/embedded.js'
import { homeFolder } from '../src/models/home.js'
import type { Step } from '../src/protocol/index.js'
import { cli, root, workFolder } from './cli/cli.js'

const folder = workFolder()
const records = join(root, '../shared/data/memorybench/locomo_memorybench_rebuilt.json')

/** Runs the first two examples of an experiment and gives its steps. */
async function steps(name: string, as: string, args: string[]): Promise<Step[]> {
  await ensureEmbeddedModel()
  const out = join(folder, as)
  const { code, output } = await cli(
    ['run', join(root, `experiments/${name}.ts`), '--limit', '2', '--out', out, ...args],
    folder,
    undefined,
    { LORA_HARNESS_HOME: homeFolder() },
  )
  expect(output).toContain(`Finished after`)
  expect(code).toBe(0)
  expect(existsSync(join(out, 'report.html'))).toBe(true)
  const lines = readFileSync(join(out, 'steps.jsonl'), 'utf8').trimEnd().split('\n')
  expect(lines).toHaveLength(2)
  return lines.map(line => JSON.parse(line) as Step)
}

/** Such steps, of which both have learned. */
async function twoSteps(name: string, args: string[] = []): Promise<Step[]> {
  const found = await steps(name, name, args)
  // Adapters lie in the run's folder, by their identifiers.
  expect(readdirSync(join(folder, name, 'adapters')).sort()).toEqual(
    found.map(step => step.updatedLora!.identifier).sort(),
  )
  for (const { losses, targetLoss } of found) {
    expect(losses.at(-1)).toBeLessThan(losses[0]!)
    expect(targetLoss!.after).toBeLessThan(targetLoss!.before)
  }
  return found
}

test('experiments/embedded.ts', async () => {
  const steps = await twoSteps('embedded', ['--set', 'chats=1'])
  expect(steps[1]!.retrievedLora).toEqual(steps[0]!.updatedLora)
})

test.skipIf(!existsSync(records))('experiments/locomo.ts (with the LoCoMo records)', async () => {
  const steps = await twoSteps('locomo', ['--set', `path=${records}`])
  // A conversation each, in turn.
  expect(steps.map(({ key, retrievedLora }) => [key.split('/')[0], retrievedLora])).toEqual([
    ['Locomo-0', null],
    ['Locomo-1', null],
  ])
  expect(Object.keys(steps[0]!.baselines)).toEqual(LOCOMO_BASELINES)
})

const LOCOMO_BASELINES = ['base', 'another chat', 'not mentioned', 'best constant', 'empty', 'nearest answer']

test('experiments/locomo.ts over an invented conversation: lines in the prompt, frozen test rows', async () => {
  const said = [
    ['Ana', 'I have a parrot now, he is called Bosun!'],
    ['Bo', 'Lovely. I bake bread on Sundays.'],
    ['Ana', 'I moved to Bergen in spring.'],
  ]
  const turns = said.map(([speaker, text], i) => ({ speaker, text, dia_id: `D1:${i + 1}` }))
  const conversation = { session_1_date_time: '1:56 pm on 8 May, 2023', session_1: turns }
  const corpus = join(folder, 'locomo10.json')
  writeFileSync(corpus, JSON.stringify([{ sample_id: 'invented', qa: [], conversation }]))
  const row = (split: string, test_idx: number, question: string, golden_answer: string, line: number) => ({
    ...{ split, test_idx, dataset_name: 'Locomo-0', lang: 'en', origin_question: question },
    input_prompt: `Above is a conversation. Question: ${question} Short answer:\n`,
    info: { golden_answer, category: 4, evidence: [{ dia_id: `D1:${line}` }] },
  })
  const path = join(folder, 'records.json')
  const asked = [
    row('train', 0, "What is the name of Ana's parrot?", 'Bosun', 1),
    row('test', 1, 'Where did Ana move to in spring?', 'Bergen', 3),
  ]
  writeFileSync(path, JSON.stringify(asked))
  const set = [`path=${path}`, `corpus=${corpus}`, 'variant=evidence', 'chats=1'].flatMap(each => ['--set', each])
  const [learned, frozen] = await steps('locomo', 'locomo-invented', set)
  expect(learned!.messages[1]!.content).toBe(
    "From a conversation:\n[8 May, 2023] Ana: I have a parrot now, he is called Bosun!\n\nWhat is the name of Ana's parrot?",
  )
  expect(learned!.outcome.kind).toBe('updated')
  expect(frozen!.retrievedLora).toEqual(learned!.updatedLora)
  expect(frozen!.outcome).toEqual({ kind: 'skipped', reason: 'a row of test is not learned' })
  expect(frozen!.baselines['nearest line']!.response).toBe('I moved to Bergen in spring.')
  expect(frozen!.baselines['nearest answer']!.response).toBe('Bosun')
  expect(frozen!.baselines['best constant']!.metrics.f1).toBe(0)
})
