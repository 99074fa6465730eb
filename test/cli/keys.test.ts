import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { onTerminal, recorded, scenes, workFolder, writeExperiment } from './cli.js'

const folder = workFolder()
const type = (keys: string) => (child: { stdin: NodeJS.WritableStream | null }) => void child.stdin!.write(keys)
const stepsIn = (out: string) => recorded(join(folder, out)).length
const statusIn = (out: string) => JSON.parse(readFileSync(join(folder, out, 'run.json'), 'utf8')).status

// Python is what makes a terminal; the project needs it anyway, to fetch its model.
describe.skipIf(spawnSync('python3', ['--version']).status !== 0)('keys of a terminal', () => {
  const slow = { inferenceFn: "async () => { await new Promise(done => setTimeout(done, 20)); return 'yes' }" }

  test('p pauses, s runs one example, p goes on, q stops with code 0 and a report', async () => {
    writeExperiment(folder, 'keys.mjs', slow)
    let paused = 0
    let stepped = 0
    const plan = scenes(
      [/p pause · s step/, type('?')],
      [/Keys, where stdin is a terminal/, type('p')],
      [
        /paused · p go on/,
        child => {
          paused = stepsIn('keys')
          type('s')(child)
        },
      ],
      [
        /running one example[\s\S]*paused · p go on/,
        child => {
          stepped = stepsIn('keys')
          type('p')(child)
        },
      ],
      [/p pause · s step/, type('q')],
    )
    const { code, output } = await onTerminal(['run', 'keys.mjs', '--set', 'n=1000', '--out', 'keys'], folder, plan)
    expect(stepped).toBe(paused + 1)
    expect(stepsIn('keys')).toBeGreaterThanOrEqual(stepped)
    expect(output).toMatch(/Stopped after \d+ s: \d+ examples in keys/)
    expect(statusIn('keys')).toBe('stopped')
    expect(readFileSync(join(folder, 'keys/report.html'), 'utf8')).toContain('The run was stopped')
    expect(output).toContain('exit 0, terminal as before')
    expect(code).toBe(0)
  })

  test('q while paused ends the run at once', async () => {
    const plan = scenes([/p pause/, type('p')], [/paused · p go on/, type('q')])
    const { output } = await onTerminal(['run', 'keys.mjs', '--set', 'n=1000', '--out', 'idle'], folder, plan)
    expect(output).toContain('exit 0, terminal as before')
    expect(statusIn('idle')).toBe('stopped')
  })

  test('Ctrl-C keeps its meaning, also while paused', async () => {
    const plan = scenes([/2 of 1000/, type('p')], [/paused · p go on/, type('\x03')])
    const { output } = await onTerminal(['run', 'keys.mjs', '--set', 'n=1000', '--out', 'ctrl'], folder, plan)
    expect(output).toContain('Interrupted: stopping')
    expect(output).toContain('exit 130, terminal as before')
    expect(statusIn('ctrl')).toBe('interrupted')
  })

  test('Ctrl-C twice quits though the stage does not heed it; the terminal is as before', async () => {
    writeExperiment(folder, 'deaf.mjs', {
      inferenceFn: "({ testIdx }) => (testIdx < 2 ? 'yes' : new Promise(() => {}))",
    })
    // Two presses within half a second are one, so the second one waits a little longer.
    const plan = scenes(
      [/2 of 8/, type('\x03')],
      [/Interrupted: stopping/, child => void setTimeout(() => type('\x03')(child), 700)],
    )
    const { output } = await onTerminal(['run', 'deaf.mjs', '--out', 'deaf'], folder, plan)
    expect(output).toContain('Quit. 2 examples in deaf.')
    expect(output).toContain('exit 130, terminal as before')
  })

  test.each([
    ['a run that fails', "({ testIdx }) => { if (testIdx === 2) throw new Error('no tokens'); return 'yes' }", 1],
    ['a process that something ends', '({ testIdx }) => (testIdx === 2 ? process.exit(7) : "yes")', 7],
  ])('%s leaves the terminal as it was', async (name, inferenceFn, code) => {
    const out = name.replaceAll(' ', '-')
    writeExperiment(folder, `${out}.mjs`, { inferenceFn })
    const { output } = await onTerminal(['run', `${out}.mjs`, '--out', out], folder)
    expect(output).toContain(`exit ${code}, terminal as before`)
  })

  test('Ctrl-Z stops the job with the terminal as it was, and keys are read again when it goes on', async () => {
    const plan = scenes(
      [/2 of 1000/, type('\x1a')],
      [/stopped, terminal as before/, child => void child.stdin!.write('')],
      [/4 of 1000/, type('q')],
    )
    const { output } = await onTerminal(['run', 'keys.mjs', '--set', 'n=1000', '--out', 'jobs'], folder, plan)
    expect(output).toContain('exit 0, terminal as before')
  })
})
