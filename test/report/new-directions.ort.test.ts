import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { findBaseWeights } from '../../src/engine/base-norms.js'
import { directionMatches } from '../../src/lora/analysis/base.js'
import { updateOf } from '../../src/lora/gram.js'
import { writePeft } from '../../src/lora/peft.js'
import { EMBEDDED_MODEL_ID } from '../../src/models/embedded.js'
import type { TunedDirections } from '../../src/protocol/index.js'
import { root } from '../cli/cli.js'
import { randomAdapter } from '../helpers/adapters.js'

const home = mkdtempSync(join(tmpdir(), 'lora-harness-directions-'))
afterAll(() => rmSync(home, { recursive: true }))
const fixture = join(root, 'test/fixtures/tiny-llama-genai')
const module = 'model.layers.0.mlp.up_proj'

/** What the built package answers, in a process whose embedded model is a tiny one. */
function read(path: string, module: string): TunedDirections | { error: string } {
  const program = `
    import { readDirections } from ${JSON.stringify(pathToFileURL(join(root, 'dist/index.js')).href)}
    const [path, module] = process.argv.slice(1)
    const record = { adapter: () => undefined, lora: () => ({ path }) }
    const found = await readDirections(record, 'x', module).catch(({ message }) => ({ error: message }))
    console.log(JSON.stringify(found))`
  const env = { ...process.env, LORA_HARNESS_HOME: home }
  const args = ['--input-type=module', '-e', program, path, module]
  return JSON.parse(execFileSync(process.execPath, args, { env, encoding: 'utf8' })) as ReturnType<typeof read>
}

test('directions of a module are compared with those of the base model on this machine, in a thread', async () => {
  cpSync(fixture, join(home, 'models', EMBEDDED_MODEL_ID), { recursive: true })
  const base = { name: EMBEDDED_MODEL_ID, fingerprint: '' }
  const weights = await findBaseWeights(base, module, fixture)
  const [m, n] = weights.dims as [number, number]
  const adapter = randomAdapter({ [module]: { m, n, r: 2 } }, 5)
  const matches = (scale: number) => directionMatches({ ...updateOf(adapter, module), scale }, weights, 10)
  const { scale } = updateOf(adapter, module)
  const { path } = writePeft(adapter, join(home, 'adapters'), base)

  const found = read(path, module) as TunedDirections
  // The same decomposition of the same numbers; 1 + 1e-15 is written as 1.
  expect(found).toEqual({ cosines: matches(scale).map(cosine => Math.min(1, cosine)), newBelow: 0.5 })
  expect(found.cosines.length).toBe(Math.min(10, m, n))
  // Factors of a random adapter are far larger than the weights: its two directions come first, and are new.
  expect(found.cosines.slice(0, 2).every(cosine => cosine < 0.5)).toBe(true)
  // Hardly an update: the base model's own directions, in their order.
  for (const cosine of matches(1e-9)) expect(cosine).toBeCloseTo(1, 6)

  expect(read(path, 'model.layers.0.self_attn.q_proj')).toEqual({
    error: 'looking for new directions of model.layers.0.self_attn.q_proj: adapter x has no such module',
  })
  const { path: other } = writePeft(adapter, join(home, 'others'), { name: 'somebody/else', fingerprint: '' })
  expect(read(other, module)).toEqual({ error: expect.stringContaining('the base model somebody/else is not here') })
})
