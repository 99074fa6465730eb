import { expect, test } from 'vitest'
import { ensureEmbeddedModel } from '../../src/models/embedded.js'
import { homeFolder } from '../../src/models/home.js'
import { SMOLLM2_WHEEL } from '../../src/models/wheel.js'
import { cli, workFolder } from './cli.js'

const folder = workFolder()

test('with the model: verified file by file, the hash of its wheel printed, and code 0', async () => {
  await ensureEmbeddedModel()
  const { code, output } = await cli(['doctor'], folder, undefined, { LORA_HARNESS_HOME: homeFolder() })
  expect(output).toMatch(/^ok +model +smollm2-135m-instruct, every file as it was written/m)
  expect(output).toMatch(new RegExp(`^ok +model wheel +sha256 ${SMOLLM2_WHEEL.sha256}`, 'm'))
  expect(output).toContain('Everything needed is here.')
  expect(code).toBe(0)
})
