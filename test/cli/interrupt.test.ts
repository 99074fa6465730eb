import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cli, recorded, workFolder, writeExperiment } from './cli.js'

const folder = workFolder()

/** Source text: presses Ctrl-C on itself in example 2 and then works until told to stop. */
const press =
  "if (harness.index === 2) { process.kill(process.pid, 'SIGINT'); while (!harness.signal.aborted) await new Promise(done => setTimeout(done, 5)) }"
const linesOf = (out: string) =>
  readFileSync(join(folder, out, 'steps.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')

describe('Ctrl-C', () => {
  test.each<[stage: string, parts: Record<string, string>, recorded: number]>([
    ['retrieve', { retrieveLoraFn: `async (example, harness) => { ${press} return null }` }, 2],
    ['infer', { inferenceFn: `async (example, lora, harness) => { ${press} return 'yes' }` }, 2],
    ['a baseline', { baselines: `{ base: async (example, harness) => { ${press} return 'no' } }` }, 2],
    ['finetune', { finetuneFn: `async (example, lora, response, metrics, harness) => { ${press} return null }` }, 2],
    [
      'evaluate',
      {
        exampleSource:
          "examples.map(e => ({ ...e, evaluate: async () => { if (e.testIdx === 2) { process.kill(process.pid, 'SIGINT'); await new Promise(done => setTimeout(done, 100)) } return { f1: 1 } } }))",
      },
      2,
    ],
    [
      'the source',
      {
        exampleSource:
          "(async function* () { for (const e of examples) { if (e.testIdx === 2) { process.kill(process.pid, 'SIGINT'); await new Promise(done => setTimeout(done, 100)) } yield e } })()",
      },
      2,
    ],
    // What is being written is written: the step counts.
    [
      'record',
      {
        finetuneFn:
          "(example, lora, response, metrics, { index }) => { if (index === 2) setImmediate(() => process.kill(process.pid, 'SIGINT')); return null }",
      },
      3,
    ],
  ])('in %s: what was finished stays and is reported', async (stage, parts, recorded) => {
    const name = stage.replace(' ', '-')
    writeExperiment(folder, `${name}.mjs`, parts)
    const { code, output } = await cli(['run', `${name}.mjs`, '--set', 'n=1000', '--out', name], folder)
    expect(output).toContain('Interrupted: stopping')
    expect(output).toMatch(new RegExp(`Interrupted after \\d+ s: \\d+ examples in ${name}\n`))
    expect(code).toBe(130)
    // A signal is delivered some turns of the event loop after it is sent: fast stages may finish a few more examples.
    expect(linesOf(name).length).toBeGreaterThanOrEqual(recorded)
    expect(linesOf(name).length).toBeLessThan(900)
    expect(linesOf(name).every(line => JSON.parse(line).v === 1)).toBe(true)
    expect(JSON.parse(readFileSync(join(folder, name, 'run.json'), 'utf8')).status).toBe('interrupted')
    expect(readFileSync(join(folder, name, 'report.html'), 'utf8')).toContain('The run was interrupted')
  })

  test.each([
    [
      'while the file loads',
      "process.kill(process.pid, 'SIGINT'); await new Promise(done => setTimeout(done, 60_000)); export default 1\n",
    ],
    [
      'while the experiment starts',
      "export default () => { process.kill(process.pid, 'SIGINT'); return new Promise(done => setTimeout(done, 60_000)) }\n",
    ],
  ])('%s: ends at once and leaves nothing', async (name, text) => {
    writeFileSync(join(folder, 'start.mjs'), text)
    const { code, output } = await cli(['run', 'start.mjs', '--out', name], folder)
    expect(output).toContain('Interrupted. Nothing was recorded.')
    expect(code).toBe(130)
    expect(existsSync(join(folder, name))).toBe(false)
  })

  test('in the first example: leaves nothing', async () => {
    writeExperiment(folder, 'first.mjs', {
      inferenceFn: `async (example, lora, harness) => { ${press.replace('=== 2', '=== 0')} return 'yes' }`,
    })
    const { code, output } = await cli(['run', 'first.mjs', '--out', 'first'], folder)
    expect(output).toContain('Interrupted. Nothing was recorded.')
    expect([code, existsSync(join(folder, 'first'))]).toEqual([130, false])
  })

  test('twice: quits at once, though the stage does not heed the signal', async () => {
    writeExperiment(folder, 'deaf.mjs', {
      inferenceFn:
        "async (example, lora, { index }) => { if (index === 2) { console.log('deaf now'); await new Promise(done => setTimeout(done, 60_000)) } return 'yes' }",
    })
    let pressed = 0
    const { code, output } = await cli(['run', 'deaf.mjs', '--out', 'deaf'], folder, (output, child) => {
      const press = () => child.kill('SIGINT')
      if (pressed === 0 && output.includes('deaf now')) pressed = Number(press())
      // Two presses within half a second are one, so the second one waits a little longer.
      if (pressed === 1 && output.includes('Interrupted: stopping')) setTimeout(press, 700 * pressed++)
    })
    expect(output).toContain('Quit. 2 examples in deaf.')
    expect(code).toBe(130)
    expect(recorded(join(folder, 'deaf'))).toHaveLength(2)
  })

  test('passed on twice, as npm does, is one press', async () => {
    writeExperiment(folder, 'npm.mjs', {
      inferenceFn: `async (example, lora, harness) => { ${press.replace(';', "; process.kill(process.pid, 'SIGINT');")} return 'yes' }`,
    })
    const { code, output } = await cli(['run', 'npm.mjs', '--out', 'npm'], folder)
    expect(output).toContain('Report: npm/report.html')
    expect(code).toBe(130)
  })
})
