import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { KERNELS, type KernelName } from './client.js'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
/** tslab finds packages only in folders above the notebook's. */
const parents: Record<KernelName, string> = { 'lora-harness': join(tmpdir(), 'cells-'), tslab: here('.cells-') }

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

test.each(Object.keys(KERNELS) as KernelName[])(
  '%s: a front in Python follows a run and steers it',
  async kernel => {
    const folder = mkdtempSync(parents[kernel])
    folders.push(folder)
    const command = [process.execPath, ...KERNELS[kernel].argv('{connection_file}')]
    const { stdout } = await promisify(execFile)(process.env.NOTEBOOK_PYTHON!, [here('cells.py'), folder, ...command])
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^steps during a running cell: \d+ received before it ended$/),
      expect.stringMatching(/^paused before example \d+, step: exactly one more$/),
      expect.stringMatching(
        /^finetuneFn edited while paused before example \d+: its hash changes there and only there$/,
      ),
      expect.stringMatching(/^interrupted: stopped after example \d+, nothing lost$/),
      expect.stringMatching(/^killed, started again: gone on with after \d+ examples, to the end$/),
    ])
  },
  300_000,
)
