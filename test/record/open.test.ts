import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { toStep } from '../../src/harness/index.js'
import { createRun, openRun, readRun } from '../../src/record/open.js'
import { collect, numbered, toy } from '../harness/toy.js'

const home = mkdtempSync(join(tmpdir(), 'record-'))
afterAll(() => rmSync(home, { recursive: true }))
let folders = 0
const folder = () => join(home, String(folders++))

test('goes on after the last step', async () => {
  const path = folder()
  const run = await openRun(path, { exampleSource: numbered(6), ...toy, seed: 3 })
  await run.step()
  await run.step()
  run.rewind(1)
  await run.step()
  await run.step()
  run.recorder.close()
  const again = await openRun(path, { exampleSource: numbered(6), ...toy })
  expect(again.results.map(toStep)).toEqual(run.results.map(toStep))
  expect(again.branches).toEqual(run.branches)
  await collect(again.run())
  again.recorder.close()
  const record = readRun(path)
  expect(record.steps()).toEqual(again.results.map(toStep))
})
