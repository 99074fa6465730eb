import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cli, scenes, workFolder, writeExperiment } from './cli.js'

const folder = workFolder()
const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
const steps = (out: string) =>
  readFileSync(join(folder, out, 'steps.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
const interrupt = (child: { kill(signal: 'SIGINT'): boolean }) => void child.kill('SIGINT')
const ENOUGH = ['--set', 'n=100000', '--watch', '--out']
/** The indices that a swap was announced from. */
const swaps = (output: string) => [...output.matchAll(/^From #(\d+) on: /gm)].map(([, index]) => Number(index))

/** Counts on the package's own module how often the file was loaded: a second copy of the package would start anew. */
const typed = (finetuneFn: string) => `import { type ExperimentContext, LoRAHarness, skip } from 'lora-harness'
import { answer } from './answer.js'
import type { Word } from './word.js'

const kept = LoRAHarness as unknown as { loads?: number }
const loads = (kept.loads ?? 0) + 1
kept.loads = loads
const word: Word = 'yes'
const examples = (n: number) =>
  Array.from({ length: n }, (_, i) => ({
    datasetName: 'typed', testIdx: i, lang: 'en', info: {}, metadata: {},
    messages: [{ role: 'user', content: word }], evaluate: () => ({ index: i }),
  }))

export default ({ args }: ExperimentContext) =>
  new LoRAHarness({
    exampleSource: examples(Number(args.n)),
    retrieveLoraFn: () => null,
    inferenceFn: async (_example, _lora, { results }) => {
      const text: string = answer(true)
      await new Promise(done => setTimeout(done, 20))
      return [text, loads, results.length].join(' ')
    },
    finetuneFn: ${finetuneFn},
  })
`

describe('run --watch', () => {
  test('TypeScript: saved imports are checked and swapped in; position, results and packages stay', async () => {
    const answer = (text: string, type = 'string') =>
      write('answer.ts', `export const answer = (right: boolean): ${type} => (right ? ${text} : ${text})\n`)
    answer("'one'")
    write('word.ts', "export type Word = 'yes'\n")
    write('typed.ts', typed('() => null'))
    const plan = scenes(
      [/^3 of/m, () => answer('2', 'number')],
      [/typed\.ts:\d+:\d+ TS2322 Type 'number' is not assignable to type 'string'\.\n\d+ of/, () => answer("'two'")],
      [
        /^From #\d+ on: no callable's own text is new \(answer\.ts changed\)\.\n.*\n.*\n/m,
        () => {
          // Nothing imports this when it runs; its types count all the same.
          write('word.ts', "export type Word = 'no'\n")
          write('typed.ts', typed("() => skip('as told')"))
        },
      ],
      [
        /TS2322 Type '"yes"' is not assignable to type '"no"'\.\n/,
        () => write('word.ts', "export type Word = 'yes'\n"),
      ],
      [
        /^From #\d+ on: new finetuneFn \(typed\.ts changed\)\.\n.*\n.*\n/m,
        () => write('typed.ts', typed("() => skip('as told')")),
      ],
      // A second: it would have been seen by now.
      [/(?:^\d+ of.*\n){50}/m, interrupt],
    )
    const { output } = await cli(['run', 'typed.ts', ...ENOUGH, 'typed'], folder, plan)
    const [first, second, ...more] = swaps(output)
    expect(more).toEqual([])
    expect(output.match(/Saved, but/g)).toHaveLength(2)
    const done = steps('typed')
    expect(done.length).toBeGreaterThan(second! + 50)
    const part = (index: number) => (index < first! ? 'one 1' : index < second! ? 'two 2' : 'two 3')
    expect(done.map(step => step.response)).toEqual(done.map((_, i) => `${part(i)} ${i}`))
    expect(done.map(step => step.metrics.index)).toEqual(done.map((_, i) => i))
    expect(done.map(step => step.outcome.kind)).toEqual(done.map((_, i) => (i < second! ? 'unchanged' : 'skipped')))
    const { size } = new Set(done.map(step => step.callables.finetuneFn))
    expect(size).toBe(3)
    expect(done[first!].callables).not.toEqual(done[first! - 1].callables)
    expect(done[second!].callables).not.toEqual(done[second! - 1].callables)
  })

  test('what does not load is said with its place, and the callables stay; a file that comes back is seen', async () => {
    /** Saves as many editors do: another file in its place. */
    const save = (text: string) => {
      write('plain.mjs.tmp', text)
      renameSync(join(folder, 'plain.mjs.tmp'), join(folder, 'plain.mjs'))
    }
    const text = (imports: string, answer: string) => {
      writeExperiment(folder, 'plain.mjs.tmp', {
        inferenceFn: `async () => { await new Promise(done => setTimeout(done, 20)); return ${answer} }`,
      })
      return imports + readFileSync(join(folder, 'plain.mjs.tmp'), 'utf8')
    }
    const needs = text("import { word } from './word.cjs'\n", 'word')
    save(text('', "'yes'"))
    const stays = 'Saved, but the callables stay as they are: '
    const plan = scenes(
      [/^3 of/m, () => save("\nthrow new Error('boom')\n")],
      [new RegExp(`${stays}loading experiment plain.mjs: boom\n.*plain.mjs.*:2`), () => save('export default 3\n')],
      [/its default export is number/, () => save("export default () => { throw new Error('not today') }\n")],
      [new RegExp(`${stays}not today\n.*plain.mjs.*:1`), () => save(needs)],
      [/Cannot find module .*word\.cjs/, () => write('word.cjs', "exports.word = 'later'\n")],
      [
        /on: new inferenceFn \(plain\.mjs, word\.cjs changed\)\.\n.*\n.*\n/,
        () => write('word.cjs', "exports.word = 'last'\n"),
      ],
      [/on: no callable's own text is new \(word\.cjs changed\)\.\n.*\n.*\n/, () => rmSync(join(folder, 'plain.mjs'))],
      [/there is no such file\n.*\n/, () => save(needs)],
      [/Loads again, and is as it was: nothing to swap\.\n.*\n/, interrupt],
    )
    const { code, output } = await cli(['run', 'plain.mjs', ...ENOUGH, 'plain'], folder, plan)
    expect(code).toBe(130)
    const [first, second, ...more] = swaps(output)
    expect(more).toEqual([])
    const answers = steps('plain').map(step => step.response)
    expect(answers).toEqual(answers.map((_, i) => (i < first! ? 'yes' : i < second! ? 'later' : 'last')))
  })
})
