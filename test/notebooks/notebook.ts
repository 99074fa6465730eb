/** Notebooks as files, running them on our kernel, and what is wrong with one. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir, hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CONVERTER_VERSION } from '../../src/models/convert.js'
import { EMBEDDED_MODEL_ID } from '../../src/models/embedded.js'
import { makeFolder } from '../../src/models/home.js'
import { SMOLLM2_WHEEL } from '../../src/models/wheel.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

export const FOLDER = join(root, 'notebooks')
export const NAMES = readdirSync(FOLDER).filter(name => name.endsWith('.ipynb'))
/** Notebooks that need no language model. */
export const WITHOUT_MODEL = ['202-your-own-serving-stack.ipynb']

/** The parts that are used here: https://nbformat.readthedocs.io/en/latest/format_description.html. */
export interface Notebook {
  cells: Cell[]
  metadata: { kernelspec: { name: string } }
}
export interface Cell {
  cell_type: 'code' | 'markdown'
  source: string | string[]
  execution_count?: number | null
  outputs?: Output[]
}
export type Output =
  | { output_type: 'stream'; name: string; text: string | string[] }
  | { output_type: 'error'; ename: string; evalue: string }
  | { output_type: 'display_data' | 'execute_result'; data: Record<string, unknown>; metadata: Record<string, unknown> }

export const read = (name: string): Notebook => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Notebook
export const codeCells = ({ cells }: Notebook): Cell[] => cells.filter(({ cell_type }) => cell_type === 'code')
const joined = (text: unknown): string => (Array.isArray(text) ? text.join('') : String(text ?? ''))

/** Those of the others that `npm test` runs with the embedded model; `npm run notebooks` runs all with it, for some minutes more. */
export const WITH_MODEL = ['101-first-run.ipynb', '301-look-inside.ipynb']

/**
 * Runs a notebook on our kernel, installed into a folder of its own.
 *
 * @param name of a notebook of ours, or a path
 * @param python with nbclient
 * @param options `folder` in which it is run: an empty one by default; `tiny`: with a tiny model in the place of the
 *   embedded one, whose answers mean nothing; `env`: variables that are other than here
 * @returns the notebook file's text, with what its cells gave
 */
export async function execute(
  name: string,
  python: string,
  options: { folder?: string; tiny?: boolean; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'lora-harness-notebooks-'))
  const prefix = join(home, 'prefix')
  const folder = options.folder ?? mkdtempSync(join(home, 'notebook-'))
  const env = {
    ...process.env,
    JUPYTER_PATH: join(prefix, 'share', 'jupyter'),
    JUPYTER_RUNTIME_DIR: join(home, 'runtime'),
    ...(options.tiny && { LORA_HARNESS_HOME: home }),
    ...options.env,
  }
  try {
    if (options.tiny) await tinyModel(home)
    await run(process.execPath, [join(root, 'kernel-ext/bin/lora-harness-kernel.js'), 'install', '--prefix', prefix])
    const { stdout } = await run(python, [join(root, 'test/notebooks/execute.py'), resolve(FOLDER, name), folder], {
      env,
      maxBuffer: 1e8,
    })
    return stdout
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** Puts a model of two layers where the embedded one is kept. */
async function tinyModel(home: string): Promise<void> {
  const fixture = join(root, 'test/fixtures/tiny-llama-genai')
  const version = `${SMOLLM2_WHEEL.gguf.sha256} ${CONVERTER_VERSION}`
  const make = async (folder: string) => cpSync(fixture, folder, { recursive: true })
  await makeFolder(join(home, 'models', EMBEDDED_MODEL_ID), version, make, () => {})
}

/** What a reader would stumble over, cell by cell. */
export function problemsOf(notebook: Notebook): string[] {
  const found: string[] = []
  codeCells(notebook).forEach(({ execution_count, outputs = [] }, i) => {
    const say = (what: string) => found.push(`cell [${i + 1}] ${what}`)
    if (execution_count !== i + 1) say(`was run as number ${execution_count}`)
    if (outputs.length === 0) say('shows nothing')
    for (const output of outputs) {
      if (output.output_type === 'error') say(`failed: ${output.ename}: ${output.evalue}`)
      else if (textOf(output).trim() === '') say('has an output without text')
      else if (output.output_type !== 'stream' && 'image/png' in output.data && altOf(output) === '')
        say('has a picture without words for who cannot see it')
      const words = JSON.stringify(output, (key, value) => (key.startsWith('image/') ? '' : value))
      const local = [homedir(), tmpdir(), root].find(folder => words.includes(folder))
      if (local)
        say(`shows ${local}, which is of this machine: …${words.slice(words.indexOf(local) - 80).slice(0, 240)}…`)
      if (words.split(/[^\w.-]+/).includes(hostname())) say('shows the name of this machine')
    }
  })
  return found
}

export const textOf = (output: Output): string =>
  joined('data' in output ? output.data['text/plain'] : 'text' in output ? output.text : output.evalue)

const altOf = ({ metadata }: { metadata: Record<string, unknown> }): string =>
  (metadata['image/png'] as { alt?: string } | undefined)?.alt?.trim() ?? ''

/**
 * Notebooks as HTML, made by nbconvert without our plugin.
 *
 * @param python with nbconvert
 * @param template nbconvert's own: of 7.17 `classic` gives pictures their words, and `lab`, the usual one, does not
 */
export async function toHtml(paths: readonly string[], folder: string, python: string, template = 'lab') {
  // Libraries of nbconvert's page that it takes from the network; our outputs need none of them.
  const none = ['require_js', 'mathjax', 'jquery'].map(library => `--HTMLExporter.${library}_url=`)
  const args = ['--to', 'html', '--template', template, '--output-dir', folder, '--log-level', 'ERROR', ...none]
  await run(python, ['-m', 'nbconvert', ...args, ...paths])
}

/** What each output of a page shows, made with the usual template: `''` for nothing. */
export const shownIn = (html: string): string[] =>
  html
    .split('<div class="jp-OutputArea-child')
    .slice(1)
    .map(output => {
      const shown = output.split('<div class="jp-Cell')[0]!
      return /<img[^>]* src="data:image\/png;base64,[\w+/\n]{100}/.test(shown) ? 'a picture' : wordsOf(shown)
    })

/** Text between tags, of a part that begins within one. */
const wordsOf = (html: string): string =>
  html
    .slice(html.indexOf('>') + 1)
    .replace(/<style[\s\S]*?<\/style>|<[^>]*>/g, '')
    .replace(/\[\d+\]:|Out|&nbsp;|\s/g, '')

const MIME = 'application/vnd.lora-harness.v1+json'

/**
 * What must be the same whenever a notebook is run: the kinds of its outputs, their texts, and of cards answers, scores
 * and outcomes. Not so losses, norms and names of adapters: the last bits of what was learned are a machine's own.
 */
export const keyOf = (notebook: Notebook): unknown[] =>
  codeCells(notebook).map(({ source, outputs = [] }) => ({
    source: joined(source),
    outputs: outputs.map(output => {
      if (output.output_type === 'error') return output
      if (output.output_type === 'stream') return joined(output.text)
      const { [MIME]: card } = output.data
      return {
        shown: Object.keys(output.data).sort(),
        ...(card ? cardKey(card as Card) : { text: sizeless(textOf(output)) }),
      }
    }),
  }))

/** What must be the same whatever a model answers: the kinds of each cell's outputs. */
export const kindsOf = (notebook: Notebook): unknown[] =>
  codeCells(notebook).map(({ outputs = [] }) =>
    outputs.map(output => {
      if (output.output_type === 'error') return output
      if (output.output_type === 'stream') return output.name
      const kind = (output.data[MIME] as Card | undefined)?.kind
      // A run that is shown while it goes on has a picture as soon as an example is done: that is a matter of time.
      const kinds = Object.keys(output.data).filter(type => kind !== 'run' || type !== 'image/png')
      return [kinds.sort(), kind]
    }),
  )

/** A file's size depends on times that are in it. */
const sizeless = (text: string): string => text.replace(/\d[\d.]* (?=[kM]B)/g, '… ')

interface Card {
  kind: string
  columns?: { scores: unknown; baselines: unknown; outcomes: string }
  step?: { response: string; metrics: unknown; outcome: unknown; baselines: unknown }
  metrics?: { metric: string; means: unknown }[]
  pairs?: number
  branches?: { name: string; at: number | null }[]
}

const cardKey = ({ kind, columns, step, metrics, pairs, branches }: Card) => ({
  ...{ kind, pairs },
  scores: columns && [columns.scores, columns.baselines, columns.outcomes],
  step: step && [step.response, step.metrics, step.outcome, step.baselines],
  means: metrics?.map(({ metric, means }) => [metric, means]),
  branches: branches?.map(({ name, at }) => [name, at]),
})
