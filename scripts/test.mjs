/** `npm test`: sets up what is missing, then checks types, lint and imports, and runs every test. Arguments go to vitest. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from './chromium.mjs'
import { labPython, notebookPython } from './notebook-python.mjs'
import { buildPlugin } from './plugin.mjs'
import { embeddedModel, expected, main, npm, say, setUp, vitest } from './setup.mjs'

await main(async () => {
  await setUp()
  // Tiers of tests that something is missing for, with a word on what.
  const env = {}
  const skipped = {
    model: await problemOf(embeddedModel),
    ui: await problemOf(chromium),
    notebook: await problemOf(async () => {
      env.NOTEBOOK_PYTHON = await notebookPython()
    }),
    lab: await problemOf(async () => {
      await buildPlugin()
      env.LAB_PYTHON = await labPython()
    }),
  }
  say('\nnpm run check\n')
  const check = await npm(['run', '--silent', 'check'])
  if (check !== 0) say('\nThe check above failed; the tests follow all the same.')

  const folder = mkdtempSync(join(tmpdir(), 'lora-harness-test-'))
  const results = join(folder, 'results.json')
  const projects = ['unit', 'ort', 'ui', 'notebook', 'model']
    .filter(tier => !skipped[tier])
    .map(tier => `--project=${tier}`)
  env.UNFINISHED = join(folder, 'unfinished.json')
  const reporters = ['--reporter=default', '--reporter=./scripts/unfinished.mjs']
  const all = [...projects, ...reporters, '--reporter=json', `--outputFile.json=${results}`]
  const tests = await vitest(all, env)
  const files = existsSync(env.UNFINISHED) ? JSON.parse(readFileSync(env.UNFINISHED, 'utf8')) : []

  if (skipped.model) say(`\nThe tests with the embedded model did not run. ${skipped.model}`)
  if (skipped.ui) say(`\nThe tests in a browser did not run. ${skipped.ui}`)
  if (skipped.lab && !skipped.ui) say(`\nThe tests in JupyterLab did not run. ${skipped.lab}`)
  if (skipped.notebook) say(`\nThe tests of the notebook kernel did not run. ${skipped.notebook}`)
  if (check !== 0) say('\nnpm run check failed (see the top).')
  if (files.length > 0) say(`\nThe process of these test files ended before they did: ${files.join(', ')}`)
  if (existsSync(results)) {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(results, 'utf8'))
    say(`\n${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped`)
  }
  rmSync(folder, { recursive: true })
  return tests || check
})

/** Without a part its tests are left out, with a word on why; CI must have it. */
async function problemOf(part) {
  try {
    await part()
    return undefined
  } catch (error) {
    if (process.env.CI || !expected(error)) throw error
    return error.message
  }
}
