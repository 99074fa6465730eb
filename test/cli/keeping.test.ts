import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { openRun } from '../../src/record/open.js'
import { numbered, toy } from '../harness/toy.js'
import { runProgram } from '../record/program.js'
import { cli, root, workFolder } from './cli.js'

const folder = workFolder()
const runs = join(folder, 'runs')

beforeAll(async () => {
  await runProgram(join(runs, 'program'))
  const run = await openRun(join(runs, 'toy'), {
    exampleSource: numbered(5),
    ...toy,
    inferenceFn: ({ messages }) => `${messages[0]!.content} ${'long '.repeat(20_000)}`,
    baselines: { '\u001b[31mred': () => 'no' },
  })
  for (let i = 0; i < 4; i++) await run.step()
  run.rewind(2, 'odd\u001b[31m\r\n')
  await run.step()
  run.recorder.end('finished')
  run.recorder.close()
})

test('runs', async () => {
  const { code, output } = await cli(['runs'], folder)
  expect(code).toBe(0)
  const lines = output.trim().split('\n')
  expect(lines).toHaveLength(4)
  expect(lines[0]).toMatch(/^run +experiment +status +begun \(UTC\) +branches +steps +score +size$/)
  expect(lines[1]).toMatch(/^toy +finished +\d{4}-\d\d-\d\d \d\d:\d\d +2 +3 +exact 0\.00 \(red 0\.00\) +\d+ kB$/)
  expect(lines[2]).toMatch(/^program +finished .* 3 +8 +\S+ \d+\.\d\d +\d+ kB$/)
  expect(lines[3]).toMatch(/^theirs +it is not a run +\S+ kB$/) // The adapter that one of them began with.
  const json = JSON.parse((await cli(['runs', runs, '--json'], folder)).output)
  expect(json).toMatchObject([
    { folder: join(runs, 'toy'), steps: 3 },
    { folder: join(runs, 'program'), steps: 8 },
    { problem: 'it is not a run' },
  ])
  expect(await cli(['runs', 'nowhere'], folder)).toMatchObject({
    code: 2,
    output: expect.stringContaining('there is no folder nowhere'),
  })
})

test('verify: what is damaged, what can be trusted, exit code 1', async () => {
  const sound = await cli(['verify', 'runs/program', 'runs/toy'], folder)
  expect(sound).toEqual({
    code: 0,
    output: expect.stringMatching(
      /^runs\/program: as it was recorded: 15 steps on 3 branches, 7 adapters \(\d+ kB\)\nruns\/toy: as it was recorded: 5 steps on 2 branches, 0 adapters \(0 B\)\n$/,
    ),
  })
  const copy = join(folder, 'damaged')
  spawnSync('cp', ['-r', join(runs, 'toy'), copy])
  const db = readFileSync(join(copy, 'run.db'))
  db[db.indexOf('"testIdx":3')] = 0x1b
  writeFileSync(join(copy, 'run.db'), db)
  const damaged = await cli(['verify', 'damaged'], folder)
  expect(damaged.code).toBe(1)
  expect(damaged.output).toMatch(
    /^damaged: damaged\n {2}step 3 of branch main: it does not have the hash that it was recorded with\n/,
  )
  expect(damaged.output).toContain('4 of 5 steps and 0 of 0 adapters are as they were recorded.')
  expect(damaged.output).toContain('lora-harness export damaged --readable --format jsonl')
  const readable = spawnSync(process.execPath, [main, 'export', 'damaged@main', '--readable', '--format', 'jsonl'], {
    cwd: folder,
    encoding: 'utf8',
  })
  expect(
    readable.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).index),
  ).toEqual([0, 1, 2])
  expect(readable.stderr).toContain(
    '3 steps of branch main are as they were recorded; 0 before the last of them are not',
  )
  expect((await cli(['verify', 'nowhere'], folder)).code).toBe(2)
})

const main = join(root, 'dist/cli/main.js')

test('export: JSON Lines and tables, whole or in part', async () => {
  const lines = async (...args: string[]) => (await cli(['export', ...args], folder)).output.trim().split('\n')
  const steps = (await lines('runs/program', '--format', 'jsonl')).map(line => JSON.parse(line))
  expect(steps.map(step => [step.branch, step.index])).toEqual(
    [...'0123']
      .map(i => ['main', 'main', 'again', 'again'].map((b, at) => [b, at])[Number(i)])
      .concat([4, 5, 6, 7].map(i => ['fork', i])),
  )
  expect((await lines('runs/program@main#2', '--format', 'jsonl')).map(line => JSON.parse(line).index)).toEqual([
    0, 1, 2,
  ])
  expect(await lines('runs/program', '--all', '--format', 'jsonl')).toHaveLength(15)
  const [head, ...rows] = await lines('runs/program@main', '--format', 'csv')
  expect(head).toMatch(/^branch,index,key,.*,metric\.exact,/)
  expect(rows.map(row => row.split(',').slice(0, 3).join())).toEqual(
    [0, 1, 2, 3, 4].map(i => `main,${i},program/-/${i}`),
  )
  await cli(['export', 'runs/program@main', '--format', 'csv', '--out', 'table.csv'], folder)
  expect(readFileSync(join(folder, 'table.csv'), 'utf8').trim().split('\r\n')).toHaveLength(6)
  // Whoever reads may stop reading: the steps of this run are longer than what a pipe holds.
  const { status, stdout } = spawnSync(
    'sh',
    ['-c', `"$0" "$1" export runs/toy --format jsonl | head -c 10; true`, process.execPath, main],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  )
  expect({ status, stdout }).toEqual({ status: 0, stdout: '{"v":1,"ru' })
  for (const args of [
    ['runs/toy'],
    ['runs/toy', '--format', 'xml'],
    ['runs/toy@main', '--format', 'zip'],
    ['runs/toy@no', '--format', 'csv'],
  ])
    expect((await cli(['export', ...args], folder)).code, String(args)).toBe(2)
})

test('export: a zip file, to a file and to a pipe', async () => {
  expect(await cli(['export', 'runs/program', '--format', 'zip', '--out', 'run.zip'], folder)).toEqual({
    code: 0,
    output: '',
  })
  const bytes = readFileSync(join(folder, 'run.zip'))
  const piped = spawnSync(process.execPath, [main, 'export', 'runs/program', '--format', 'zip'], { cwd: folder })
  for (const zip of [bytes, piped.stdout]) {
    expect(zip.subarray(0, 4)).toEqual(Buffer.from('PK\x03\x04'))
    for (const name of ['program/run.json', 'program/run.db']) expect(zip.includes(name)).toBe(true)
  }
})

test('gc: says what could go, and removes it if asked to', async () => {
  const copy = join(folder, 'copy')
  spawnSync('cp', ['-r', join(runs, 'program'), copy])
  expect(await cli(['gc', 'copy'], folder)).toEqual({
    code: 0,
    output: expect.stringMatching(/^copy: 0 folders could go \(0 B\), 7 adapters stay \(\d+ kB\)\n$/),
  })
  const dry = await cli(['gc', 'copy', '--keep', 'heads'], folder)
  expect(dry.output).toMatch(/^copy: \d folders could go \(\d+(\.\d)? kB\)/)
  expect(dry.output).toMatch(
    /\n {2}adapters\/[0-9a-f]{13}… +\S+ kB {2}from step \d of branch \w+; the end of no branch needs it\n/,
  )
  expect(dry.output).toContain('Nothing was removed: --delete does it.')
  expect((await cli(['gc', 'copy', '--keep', 'heads', '--delete'], folder)).output).toMatch(/^copy: \d folders removed/)
  expect((await cli(['verify', 'copy'], folder)).code).toBe(0)
  for (const keep of ['none', '0', '-1']) expect((await cli(['gc', 'copy', '--keep', keep], folder)).code).toBe(2)
})
