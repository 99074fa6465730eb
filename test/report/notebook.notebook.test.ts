/** The notebook that is written from a run, run on our kernel, and as HTML. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { LoRAHandle } from '../../src/lora/handle.js'
import { writePeft } from '../../src/lora/peft.js'
import { openRun } from '../../src/record/open.js'
import { writeReport } from '../../src/report/html.js'
import { numbered } from '../harness/toy.js'
import { randomAdapter } from '../helpers/adapters.js'
import { temporaryFolder } from '../helpers/folder.js'
import {
  codeCells,
  execute,
  type Notebook,
  type Output,
  problemsOf,
  shownIn,
  textOf,
  toHtml,
} from '../notebooks/notebook.js'

const python = process.env.NOTEBOOK_PYTHON!
const home = temporaryFolder()
const folder = join(home, 'my runs', 'one')
const path = join(home, 'run.ipynb')
const module = (layer: number, kind: string) => [`model.layers.${layer}.${kind}`, { m: 6, n: 5, r: 2 }] as const

beforeAll(async () => {
  const harness = await openRun(folder, {
    exampleSource: () => numbered(6),
    retrieveLoraFn: (example, { store }) => store.getLast(example.chatId),
    inferenceFn: (example, lora) => (lora ? `answer ${example.testIdx}` : 'I do not know'),
    finetuneFn: (_example, _lora, _response, _metrics, { index }) => {
      const shapes = [module(0, 'self_attn.q_proj'), module(0, 'mlp.up_proj'), module(1, 'self_attn.q_proj')]
      const base = { name: '', fingerprint: '', revision: null } as never
      return new LoRAHandle(
        writePeft(randomAdapter(Object.fromEntries(shapes), index + 1), join(folder, 'adapters'), base),
      )
    },
    baselines: { base: () => 'I do not know' },
  })
  for await (const { index } of harness.run()) if (index === 2) harness.inferenceFn = () => 'another way'
  harness.recorder.end('finished')
  harness.recorder.close()
  await writeReport(folder, path, { notebook: true })
})

/** What an output shows: its text, and its picture by a hash. */
const digest = (output: Output) => {
  const picture = 'data' in output ? String(output.data['image/png']).trim() : ''
  return { text: textOf(output), picture: createHash('sha256').update(picture).digest('hex') }
}

test('as it is written: nothing is empty, each picture has words', () => {
  const written = JSON.parse(readFileSync(path, 'utf8')) as Notebook
  expect(codeCells(written)).toHaveLength(4)
  expect(problemsOf(written)).toEqual([])
})

test('run on the kernel it shows the same pictures; as HTML no output is empty', async () => {
  const written = JSON.parse(readFileSync(path, 'utf8')) as Notebook
  const executed = join(home, 'executed.ipynb')
  writeFileSync(executed, await execute(path, python, { folder: home }))
  const notebook = JSON.parse(readFileSync(executed, 'utf8')) as Notebook
  expect(problemsOf(notebook)).toEqual([])
  const outputs = (of: Notebook) => codeCells(of).flatMap(({ outputs = [] }) => outputs.map(digest))
  expect(outputs(notebook)).toEqual(outputs(written))

  await toHtml([path, executed], home, python)
  for (const name of ['run', 'executed'])
    expect(shownIn(readFileSync(join(home, `${name}.html`), 'utf8'))).toEqual(Array(4).fill('a picture'))
  await toHtml([executed], home, python, 'classic')
  const html = readFileSync(join(home, 'executed.html'), 'utf8')
  expect([...html.matchAll(/<img[^>]* alt="([^"]*)"/g)].map(([, alt]) => alt)).toEqual(
    codeCells(notebook).flatMap(({ outputs = [] }) => outputs.map(textOf)),
  )
})
