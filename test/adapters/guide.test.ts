import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cli, root, workFolder } from '../cli/cli.js'
import { blocks, filesIn } from '../helpers/readme.js'

const folder = workFolder()
const guide = readFileSync(join(root, 'docs/adapters.md'), 'utf8')

test('the guide’s adapter has some 30 lines, and its experiment runs with the table that the guide shows', async () => {
  const files = filesIn(guide)
  expect(files.map(([name]) => name)).toEqual(['trivia.json', 'trivia.ts', 'trivia-run.ts'])
  expect(files[1]![1].split('\n').length).toBeLessThanOrEqual(33)
  for (const [name, text] of files) writeFileSync(join(folder, name), text)
  // Types are checked on the way: the command line runs TypeScript through a compiler.
  const { code, output } = await cli(['run', 'trivia-run.ts', '--out', 'run'], folder)
  expect(output).toContain(blocks(guide, 'output')[0])
  expect(code).toBe(0)
}, 300_000)

test('the guide names every entry under lora-harness/adapters', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, unknown>
  }
  const names = Object.keys(exports).flatMap(key => /^\.\/adapters\/(.+)$/.exec(key)?.[1] ?? [])
  expect(names.length).toBeGreaterThan(1)
  for (const name of names) expect(guide).toMatch(new RegExp(`\`${name}\`|adapters/${name}`))
})
