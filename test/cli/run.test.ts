import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { seedOf } from '../../src/tensor.js'
import { cli, node, recorded, root, workFolder, writeExperiment } from './cli.js'

const folder = workFolder()
const steps = (out: string) =>
  readFileSync(join(folder, out, 'steps.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))

describe('lora-harness run', () => {
  test('runs an experiment into a folder of its own and says where', async () => {
    writeExperiment(folder, 'people.mjs')
    const { code, output } = await cli(['run', 'people.mjs'], folder)
    expect(output).toMatch(/8 of 8 fake\/-\/7 f1 1\.00 skipped \| so far f1: adapter 0\.63, base 0\.00/)
    expect(output).toMatch(/^chat-0 +4 +0\.50 +0\.00 +2\/2\/0 +0\.00 +1\.00 +0 +0 +4 +0$/m)
    expect(output).toMatch(/^all +8 +0\.63 +0\.00 +5\/3\/0 +0\.25 +1\.00 +0 +0 +8 +0$/m)
    const [, where] = output.match(/Finished after \d+ s: 8 examples in (runs\/\d{4}-\d\d-\d\d-people-[0-9a-f]{6})$/m)!
    const files = ['adapters', 'report.html', 'run.db', 'run.json', 'run.lock', 'steps.jsonl']
    expect(readdirSync(join(folder, where!)).sort()).toEqual(files)
    expect(recorded(join(folder, where!))).toEqual(steps(where!))
    expect(output).toContain(`Report: ${where}/report.html`)
    expect(code).toBe(0)
    // Without a terminal there are no control codes, whatever the examples say.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(output).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/)
    const info = JSON.parse(readFileSync(join(folder, where!, 'run.json'), 'utf8'))
    expect(info).toMatchObject({
      v: 1,
      experiment: 'people.mjs',
      status: 'finished',
      error: null,
      args: { limit: null, seed: 11, seedGiven: false, shuffle: false, set: {} },
    })
    expect(where).toContain(info.runId)
    expect(steps(where!).map(step => step.runId)).toEqual(Array(8).fill(info.runId))
    expect(readFileSync(join(folder, where!, 'report.html'), 'utf8')).toContain('After 8 examples in 2 chats')
  })

  test('--limit, --seed, --set and --out', async () => {
    const { code, output } = await cli(
      ['run', 'people.mjs', '--limit', '2', '--seed', '5', '--set', 'n=3', '--set', 'note=a=b c', '--out', 'mine'],
      folder,
    )
    expect(code).toBe(0)
    expect(output).toContain('2 of 2 fake')
    expect(steps('mine').map(step => step.seed)).toEqual([seedOf(5, 0), seedOf(5, 1)])
    const info = JSON.parse(readFileSync(join(folder, 'mine/run.json'), 'utf8'))
    expect(info.args).toEqual({ limit: 2, seed: 5, seedGiven: true, shuffle: false, set: { n: '3', note: 'a=b c' } })
  })

  test('TypeScript is type-checked, knows lora-harness and Node, and may import its neighbours', async () => {
    writeFileSync(
      join(folder, 'helper.ts'),
      'export const answer = (right: boolean): string => (right ? "yes" : "no")\n',
    )
    writeFileSync(
      join(folder, 'typed.ts'),
      `import { basename } from 'node:path'
import { type ExperimentContext, LoRAHarness } from 'lora-harness'
import { answer } from './helper.js'

const name: string = await Promise.resolve(basename('/data/typed'))

export default ({ args, signal }: ExperimentContext) =>
  new LoRAHarness({
    exampleSource: [{ datasetName: name, testIdx: 0, lang: 'en', info: {}, metadata: {}, messages: [{ role: 'user', content: args.n ?? '?' }], evaluate: response => ({ f1: response === 'yes' }) }],
    retrieveLoraFn: () => null,
    inferenceFn: () => answer(!signal.aborted),
    finetuneFn: () => null,
  })
`,
    )
    const { code, output } = await cli(['run', 'typed.ts', '--out', 'typed'], folder)
    expect(output).toContain('1 typed/-/0 f1 1.00 unchanged')
    expect(code).toBe(0)
    // The hash of a callable changes with a file that the experiment imports, though its own text does not.
    writeFileSync(
      join(folder, 'helper.ts'),
      'export const answer = (right: boolean): string => (right ? "yes" : "never")\n',
    )
    await cli(['run', 'typed.ts', '--out', 'typed2'], folder)
    expect(steps('typed2')[0].callables.inferenceFn).not.toBe(steps('typed')[0].callables.inferenceFn)
  })

  test('a type error is shown with file and line; nothing is run or left behind', async () => {
    writeFileSync(
      join(folder, 'wrong.ts'),
      "import { LoRAHarness } from 'lora-harness'\n\nexport default new LoRAHarness({ exampleSource: 3 })\n",
    )
    const { code, output } = await cli(['run', 'wrong.ts', '--out', 'never'], folder)
    expect(output).toContain('loading experiment wrong.ts: type errors')
    expect(output).toMatch(/wrong\.ts:3:\d+ - error TS\d+/)
    expect(code).toBe(2)
    expect(existsSync(join(folder, 'never'))).toBe(false)
  })
})

describe('bad input ends with code 2 and a text that says what is wrong', () => {
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  write('none.mjs', 'export const harness = 1\n')
  write('number.mjs', 'export default 3\n')
  write('gives.mjs', 'export default () => 3\n')
  write('throws.mjs', "throw new Error('no such thing')\n")
  write('syntax.mjs', 'export default {{\n')
  write('import.mjs', "import './nowhere.js'\n")
  write('notes.txt', 'x')
  mkdirSync(join(folder, 'full'))
  write('full/a', '')
  writeExperiment(folder, 'empty.mjs', { exampleSource: '[]' })
  writeExperiment(folder, 'bare.mjs', { exampleSource: "[{ datasetName: 'x', testIdx: 0 }]" })

  test.each([
    ['no arguments', ['run'], "missing required argument 'experiment'"],
    ['unknown option', ['run', 'people.mjs', '--fast'], "unknown option '--fast'"],
    ['unknown verb', ['walk'], "unknown command 'walk'"],
    ['--limit 0', ['run', 'people.mjs', '--limit', '0'], 'It must be a whole number, 1 or more.'],
    ['--seed 1.5', ['run', 'people.mjs', '--seed', '1.5'], 'It must be a whole number, 0 or more.'],
    ['--set without =', ['run', 'people.mjs', '--set', 'n'], 'It must be key=value'],
    ['--set with a bad key', ['run', 'people.mjs', '--set', 'a b=1'], 'It must be key=value'],
    ['--set limit', ['run', 'people.mjs', '--set', 'limit=1'], 'Use --limit for that.'],
    ['--set twice', ['run', 'people.mjs', '--set', 'n=1', '--set', 'n=2'], 'n is set twice.'],
    [
      '--out that is not empty',
      ['run', 'people.mjs', '--out', 'full'],
      'full: it holds 1 entries (a …); a run needs a new or empty folder',
    ],
    ['--out that is a file', ['run', 'people.mjs', '--out', 'notes.txt'], 'a file of that name is in the way'],
    ['missing file', ['run', 'nowhere.ts'], 'loading experiment nowhere.ts: there is no such file'],
    ['folder', ['run', 'full'], 'loading experiment full: it is not a file'],
    ['other kind of file', ['run', 'notes.txt'], 'it must be one of .ts, .mts, .js, .mjs'],
    ['no default export', ['run', 'none.mjs'], 'its default export is missing; it must be a LoRAHarness or a function'],
    ['default export of another kind', ['run', 'number.mjs'], 'its default export is number; it must be a LoRAHarness'],
    [
      'function that gives something else',
      ['run', 'gives.mjs'],
      'its function returned number; it must return a LoRAHarness',
    ],
    ['throws while loading', ['run', 'throws.mjs'], 'loading experiment throws.mjs: no such thing'],
    ['syntax error', ['run', 'syntax.mjs'], 'loading experiment syntax.mjs: '],
    ['import that is not there', ['run', 'import.mjs'], 'nowhere.js'],
    ['empty source', ['run', 'empty.mjs'], 'it is empty; a run needs at least one example'],
    ['example without messages', ['run', 'bare.mjs'], 'messages'],
  ])('%s', async (_, args, text) => {
    const before = readdirSync(folder)
    const { code, output } = await cli(args, folder)
    expect(output).toContain(text)
    expect(code).toBe(2)
    expect(output).not.toContain('node:internal')
    // No folder of a run that never was, beside those of the tests above.
    expect(readdirSync(folder)).toEqual(before)
    expect(readdirSync(join(folder, 'runs'))).toHaveLength(1)
  })

  test('--help lists the exit codes', async () => {
    const { code, output } = await cli(['run', '--help'], folder)
    expect(output).toMatch(/0 +finished[\s\S]*1 +the run failed[\s\S]*2 +bad input[\s\S]*130 +interrupted/)
    expect(code).toBe(0)
  })
})

describe('a run that fails on the way', () => {
  test('keeps what it had, reports on it, and names stage, example and place', async () => {
    writeExperiment(folder, 'breaks.mjs', {
      inferenceFn: "(example, lora, { index }) => { if (index === 2) throw new TypeError('no tokens'); return 'yes' }",
    })
    const { code, output } = await cli(['run', 'breaks.mjs', '--out', 'broken'], folder)
    expect(output).toContain('Failed after')
    expect(output).toMatch(/infer failed on example fake\/-\/2 \(step 2\): no tokens\n +at .*breaks\.mjs:\d+/)
    expect(code).toBe(1)
    expect(steps('broken')).toHaveLength(2)
    expect(JSON.parse(readFileSync(join(folder, 'broken/run.json'), 'utf8'))).toMatchObject({
      status: 'failed',
      error: /no tokens/ as never,
    })
    expect(readFileSync(join(folder, 'broken/report.html'), 'utf8')).toContain('no tokens')
  })

  test('on its first example leaves no folder', async () => {
    writeExperiment(folder, 'never.mjs', { inferenceFn: "() => { throw new Error('at once') }" })
    const { code, output } = await cli(['run', 'never.mjs', '--out', 'nothing'], folder)
    expect([code, existsSync(join(folder, 'nothing'))]).toEqual([1, false])
    expect(output).toContain('at once')
  })

  test('a promise that nothing settles is said, not passed over in silence', async () => {
    writeExperiment(folder, 'hangs.mjs', { inferenceFn: '() => new Promise(() => {})' })
    const { code, output } = await cli(['run', 'hangs.mjs'], folder)
    expect(output).toContain('the experiment waits for something that never happens')
    expect(code).toBe(1)
  })

  test('a full disk: the steps before it stay, the error says which step was not recorded', async () => {
    const script = `
      const { run } = await import(${JSON.stringify(join(root, 'dist/cli/run.js'))})
      const { SqliteWriter } = await import(${JSON.stringify(join(root, 'dist/record/writer.js'))})
      const { mkdirSync } = await import('node:fs')
      const { record } = SqliteWriter.prototype
      SqliteWriter.prototype.record = function (step, context) {
        if (step.index < 2) return record.call(this, step, context)
        mkdirSync('disk/report.html')
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
      }
      await run('people.mjs', { set: {}, out: 'disk' }).catch(error => console.log('THROWN', error.message))`
    const { output } = await node(['--input-type=module', '-e', script], folder)
    expect(output).toMatch(/Failed after \d+ s: 2 examples in disk/)
    expect(output).toContain('Writing the report failed: EISDIR')
    expect(output).toContain(
      'THROWN record failed on example fake/-/2 (step 2): ENOSPC: no space left on device, write',
    )
    expect(steps('disk')).toHaveLength(2)
    expect(recorded(join(folder, 'disk'))).toEqual(steps('disk'))
  })
})
