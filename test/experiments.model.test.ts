import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ensureEmbeddedModel } from '../src/models/embedded.js'
import { homeFolder } from '../src/models/home.js'
import type { Step } from '../src/protocol/index.js'
import { cli, root, workFolder } from './cli/cli.js'

const folder = workFolder()
const records = join(root, '../shared/data/memorybench/locomo_memorybench_rebuilt.json')

/** Runs the first two examples of an experiment and gives its steps. */
async function twoSteps(name: string, args: string[] = []): Promise<Step[]> {
  await ensureEmbeddedModel()
  const out = join(folder, name)
  const { code, output } = await cli(
    ['run', join(root, `experiments/${name}.ts`), '--limit', '2', '--out', out, ...args],
    folder,
    undefined,
    { LORA_HARNESS_HOME: homeFolder() },
  )
  expect(output).toContain(`Finished after`)
  expect(code).toBe(0)
  expect(existsSync(join(out, 'report.html'))).toBe(true)
  const steps = readFileSync(join(out, 'steps.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Step)
  expect(steps).toHaveLength(2)
  // Adapters lie in the run's folder, by their identifiers.
  expect(readdirSync(join(out, 'adapters')).sort()).toEqual(steps.map(step => step.updatedLora!.identifier).sort())
  for (const { losses, targetLoss } of steps) {
    expect(losses.at(-1)).toBeLessThan(losses[0]!)
    expect(targetLoss!.after).toBeLessThan(targetLoss!.before)
  }
  return steps
}

test('experiments/embedded.ts', async () => {
  const steps = await twoSteps('embedded', ['--set', 'chats=1'])
  expect(steps[1]!.retrievedLora).toEqual(steps[0]!.updatedLora)
})

test.skipIf(!existsSync(records))('experiments/locomo.ts (with the LoCoMo records)', async () => {
  const steps = await twoSteps('locomo', ['--set', `path=${records}`])
  expect(Object.keys(steps[0]!.baselines)).toEqual(['base', 'not mentioned'])
})
