import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'lora-harness-conformance-'))
afterAll(() => rmSync(folder, { recursive: true }))

test("Jupyter's own test of kernels passes on the installed kernel", () => {
  const cli = [join(root, 'kernel-ext/bin/lora-harness-kernel.js'), 'install', '--prefix', folder]
  expect(spawnSync(process.execPath, cli, { encoding: 'utf8' }).stdout).toMatch(/^Installed in .*choose/)
  // In a folder without node_modules, as a notebook's may be.
  const { stderr, status } = spawnSync(process.env.NOTEBOOK_PYTHON!, [join(root, 'test/kernel-ext/conformance.py')], {
    cwd: folder,
    env: { ...process.env, JUPYTER_PATH: join(folder, 'share', 'jupyter') },
    encoding: 'utf8',
  })
  expect(status, stderr).toBe(0)
  const [, ran] = /Ran (\d+) tests/.exec(stderr)!
  const skipped = [...stderr.matchAll(/(test_\w+) .*skipped (.*)/g)].map(([, name, why]) => `${name}: ${why}`)
  console.log(`jupyter_kernel_test: ${ran} tests, ${skipped.length} skipped (${skipped.join('; ')})`)
  // TypeScript has no syntax that asks for a pager.
  expect(skipped).toEqual(["test_pager: 'No code page something'"])
  expect(Number(ran)).toBe(13)
})
