import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Step } from '../../src/protocol/index.js'
import { readRun } from '../../src/record/open.js'
import { cli, recorded, scenes, workFolder, writeExperiment } from './cli.js'

const folder = workFolder()
const infoOf = (out: string) => JSON.parse(readFileSync(join(folder, out, 'run.json'), 'utf8'))
const lines = (out: string) =>
  readFileSync(join(folder, out, 'steps.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
/** All that two runs of the same program have in common. */
const essence = (steps: Step[]) => steps.map(({ runId: _r, ms: _m, startedAt: _s, ...rest }) => rest)
/** Source text of an inferenceFn that answers by the step's seed, and does something in one example, once. */
const once = (index: number, what: string) =>
  `async (example, lora, { index, seed }) => { if (index === ${index} && !existsSync(args.marker)) { writeFileSync(args.marker, ''); ${what} } return String(seed) }`
const write = (name: string, parts: Record<string, string>) => {
  writeExperiment(folder, name, parts)
  const path = join(folder, name)
  writeFileSync(path, `import { existsSync, writeFileSync } from 'node:fs'\n${readFileSync(path, 'utf8')}`)
}
const run = (name: string, out: string, ...more: string[]) =>
  cli(['run', name, '--out', out, '--set', `marker=${out}.marker`, ...more], folder)
const resume = (out: string, ...more: string[]) => cli(['resume', out, ...more], folder)

describe('resume', () => {
  test('after SIGKILL: goes on after the last recorded example, and ends equal to a run that nothing stopped', async () => {
    write('killed.mjs', { inferenceFn: once(3, "process.kill(process.pid, 'SIGKILL')") })
    writeFileSync(join(folder, 'whole.marker'), '')
    expect((await run('killed.mjs', 'whole', '--seed', '7')).code).toBe(0)
    const killed = await run('killed.mjs', 'killed', '--seed', '7')
    expect(killed.code).toBe(null)
    expect(recorded(join(folder, 'killed'))).toHaveLength(3)
    const { code, output } = await resume('killed')
    expect(output).toContain('Going on with killed, branch main, at example #3: 3 examples done.')
    expect(output).toContain('4 of 8 fake')
    expect(output).toMatch(/Finished after \d+ s: 8 examples in killed\nReport: killed\/report\.html/)
    expect(code).toBe(0)
    // What the command line gave differs by the marker's name alone, which is in no step.
    expect(essence(recorded(join(folder, 'killed')))).toEqual(essence(recorded(join(folder, 'whole'))))
    expect(lines('killed').map(line => JSON.parse(line))).toEqual(recorded(join(folder, 'killed')))
    expect(infoOf('killed')).toMatchObject({ status: 'finished', args: { seed: 7, limit: null } })
    expect(readFileSync(join(folder, 'killed/report.html'), 'utf8')).toContain('After 8 examples')

    const again = await resume('killed')
    expect(again.output).toBe('killed is finished already: 8 examples, all that its source had.\n')
    expect(again.code).toBe(0)
  })

  test('Ctrl-C and failures likewise', async () => {
    write('ctrl.mjs', {
      inferenceFn: once(
        2,
        "process.kill(process.pid, 'SIGINT'); while (!harness.signal.aborted) await new Promise(done => setTimeout(done, 5))",
      )
        .replace('{ index, seed }', 'harness')
        .replace('if (index', 'const { index, seed } = harness; if (index'),
    })
    expect((await run('ctrl.mjs', 'ctrl')).code).toBe(130)
    const { code, output } = await resume('ctrl')
    expect(output).toContain('at example #2: 2 examples done.')
    expect([code, recorded(join(folder, 'ctrl')).length]).toEqual([0, 8])

    write('fails.mjs', { inferenceFn: once(2, "throw new Error('no tokens')") })
    expect((await run('fails.mjs', 'fails')).code).toBe(1)
    expect(infoOf('fails')).toMatchObject({ status: 'failed', error: expect.stringContaining('no tokens') })
    expect((await resume('fails')).code).toBe(0)
    expect(infoOf('fails')).toMatchObject({ status: 'finished', error: null })
  })

  test('--limit raises the number of examples; the experiment is given what it was given at first', async () => {
    // The source and the run's seed are two things here: each must be what it was.
    write('limit.mjs', {
      inferenceFn: once(-1, ''),
      exampleSource: 'examples.map(e => ({ ...e, info: { seed: args.seed } }))',
    })
    expect((await run('limit.mjs', 'limit', '--limit', '2')).code).toBe(0)
    const same = await resume('limit')
    expect([same.code, same.output]).toEqual([0, 'limit has its 2 examples already; --limit with more goes on.\n'])
    expect((await resume('limit', '--limit', '5')).output).toContain('Finished after')
    expect(infoOf('limit').args).toMatchObject({ limit: 5, seed: 11 })
    expect(recorded(join(folder, 'limit'))).toHaveLength(5)
    expect((await resume('limit')).output).toContain('has its 5 examples already')
  })

  test('what was changed since is named, and only --allow-changes goes on; the record says so', async () => {
    write('edited.mjs', { inferenceFn: once(-1, '') })
    await run('edited.mjs', 'edited', '--limit', '2')
    write('edited.mjs', { inferenceFn: "() => 'other'" })
    const refused = await resume('edited', '--limit', '4')
    expect(refused.output).toMatch(/going on with run .*edited: it would not be the same run any more:\n/)
    expect(refused.output).toContain('inferenceFn: its text was changed')
    expect(refused.output).toContain('--allow-changes')
    expect(refused.code).toBe(2)
    expect(recorded(join(folder, 'edited'))).toHaveLength(2)
    expect((await resume('edited', '--limit', '4', '--allow-changes')).code).toBe(0)
    expect(recorded(join(folder, 'edited')).map(step => step.response === 'other')).toEqual([false, false, true, true])
    const record = readRun(join(folder, 'edited'))
    expect(record.events().map(({ type, index }) => [type, index])).toContainEqual(['changes', 2])
    record.close()
  })

  test('--at: back to the state before an example, with an edited callable, on a branch of its own', async () => {
    write('back.mjs', { inferenceFn: once(-1, '') })
    await run('back.mjs', 'back')
    write('back.mjs', { inferenceFn: "() => 'other'", finetuneFn: '() => null' })
    const { code, output } = await resume('back', '--at', '3', '--name', 'other answers', '--skip-updates', '3,5')
    expect(output).toContain('Going on with back, branch other answers, at example #3: 3 examples done.')
    expect(code).toBe(0)
    const record = readRun(join(folder, 'back'))
    expect(record.steps('main')).toHaveLength(8)
    expect(record.steps().map(step => step.response === 'other')).toEqual([0, 0, 0, 1, 1, 1, 1, 1].map(Boolean))
    expect(record.steps().map(step => step.outcome.kind)).toEqual([
      ...Array(3).fill('skipped'),
      ...['skipped', 'unchanged', 'skipped', 'unchanged', 'unchanged'],
    ])
    record.close()

    const shown = await cli(['runs', 'back'], folder)
    expect(shown.output).toMatch(/^main {2}8 examples {2}f1 0\.00$/m)
    expect(shown.output).toMatch(
      /^└─ other answers \* {2}8 examples {2}f1 0\.00 {2}leaves main before example 3, without the update of 3, 5$/m,
    )
    expect(shown.output).toMatch(/^ {2}before #3 on other answers: .*finetuneFn \(\+\d+ −\d+ lines\)$/m)
    expect(shown.output).toMatch(/ {2}allowed: inferenceFn: its text was changed$/m)
    const compared = await cli(['compare', 'back@main', 'back@other answers'], folder)
    expect(compared.output).toContain('8 examples, the same in both.')

    const wrong = await resume('back', '--at', '99', '--branch', 'main')
    expect(wrong.output).toContain('leaving branch main at example 99: it must be an integer from 0 to 8')
    expect(wrong.code).toBe(2)
    expect((await resume('back', '--name', 'x')).output).toContain('add --at N')
    expect((await cli(['verify', 'back'], folder)).code).toBe(0)
  })

  test('an experiment that is gone is asked for', async () => {
    write('gone.mjs', { inferenceFn: once(-1, '') })
    await run('gone.mjs', 'gone', '--limit', '1')
    renameSync(join(folder, 'gone.mjs'), join(folder, 'moved.mjs'))
    const { code, output } = await resume('gone', '--limit', '2')
    expect(output).toContain('going on with gone: its experiment gone.mjs is not in ')
    expect(output).toContain('say where the file is: --experiment FILE')
    expect(code).toBe(2)
    // Under another name its text is the same, but not the name that is part of the hash.
    const { output: other } = await resume('gone', '--limit', '2', '--experiment', 'moved.mjs', '--allow-changes')
    expect(other).toContain('2 of 2 fake')
  })

  test('a run that another process writes is left to it, by number', async () => {
    write('held.mjs', {
      inferenceFn: once(1, "console.log('held'); await new Promise(done => setTimeout(done, 60_000))"),
    })
    let second: Awaited<ReturnType<typeof resume>> | undefined
    const first = await cli(
      ['run', 'held.mjs', '--out', 'held', '--set', 'marker=held.marker'],
      folder,
      scenes([
        /^held$/m,
        child => {
          resume('held').then(ended => {
            second = { ...ended, output: ended.output.replaceAll(String(child.pid), 'PID') }
            child.kill('SIGKILL')
          })
        },
      ]),
    )
    expect(first.code).toBe(null)
    expect(second!.output).toMatch(/opening .*held for writing: process PID on .* writes it since /)
    expect(second!.code).toBe(2)
    // The lock of a dead process is none.
    expect((await resume('held')).code).toBe(0)
  })

  test.each([
    ['no such folder', 'nowhere', 'opening run nowhere: there is no such folder'],
    ['no run in it', '.', 'opening run .: it has no run.db'],
  ])('%s', async (_, out, text) => {
    const { code, output } = await resume(out)
    expect(output).toContain(text)
    expect(code).toBe(2)
  })

  test('a branch that is not there is named, with those that are; the run is as it was', async () => {
    const { code, output } = await resume('limit', '--limit', '8', '--branch', 'side')
    expect(output).toContain('main')
    expect(code).toBe(2)
    expect(existsSync(join(folder, 'limit/run.db'))).toBe(true)
  })
})
