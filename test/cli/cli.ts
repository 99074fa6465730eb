import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { withLock } from '../../src/models/lock.js'
import type { Step } from '../../src/protocol/index.js'
import { readRun } from '../../src/record/open.js'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Builds what the command line runs from, and gives each test file a folder of its own. */
export function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lora-harness-cli-'))
  // Test files run side by side: one of them builds, the others wait and find it done.
  beforeAll(() => withLock(join(root, 'node_modules/.lora-harness-build.lock'), () => {}, build), 300_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function build(): Promise<void> {
  const child = spawn(process.execPath, ['scripts/build.mjs'], { cwd: root })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`the build failed:\n${output}`)
}

export interface Ended {
  code: number | null
  /** What was written to stdout and stderr, in order. */
  output: string
}

/** Steps of a run, whether or not it is still written. */
export function recorded(folder: string): Step[] {
  const run = readRun(folder)
  try {
    return run.steps()
  } finally {
    run.close()
  }
}

type Watch = (output: string, child: ChildProcess) => void

function spawned(
  command: string,
  args: string[],
  cwd: string,
  watch?: Watch,
  more: Record<string, string> = {},
): Promise<Ended> {
  const env = { ...process.env, FORCE_COLOR: '0', LORA_HARNESS_HOME: join(cwd, 'home'), ...more }
  const child = spawn(command, args, { cwd, env })
  onTestFinished(() => void child.kill('SIGKILL')) // Where the test ended first.
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      output += text
      watch?.(output, child)
    })
  return new Promise(resolve => child.on('close', code => resolve({ code, output })))
}

/** Runs Node in `cwd`; `watch` sees all output so far, each time more comes. */
export const node = (args: string[], cwd: string, watch?: Watch, more?: Record<string, string>): Promise<Ended> =>
  spawned(process.execPath, args, cwd, watch, more)

const main = join(root, 'dist/cli/main.js')

/** Runs `lora-harness` in `cwd`. */
export const cli = (args: string[], cwd: string, watch?: Watch, more?: Record<string, string>): Promise<Ended> =>
  node([main, ...args], cwd, watch, more)

/** Runs `lora-harness` in `cwd` on a terminal of its own; the child's stdin takes the keys. */
export const onTerminal = (args: string[], cwd: string, watch?: Watch): Promise<Ended> =>
  spawned('python3', [join(root, 'test/cli/terminal.py'), process.execPath, main, ...args], cwd, watch)

/**
 * Does one thing after the other, each as soon as the output since the one before shows what it waits for.
 *
 * @returns what `cli` and the like take as `watch`
 */
export function scenes(...plan: [shows: RegExp, act: (child: ChildProcess) => void][]): Watch {
  let seen = 0
  let next = 0
  return (output, child) => {
    for (let scene = plan[next]; scene; scene = plan[++next]) {
      const found = scene[0].exec(output.slice(seen))
      if (!found) return
      seen += found.index + found[0].length
      scene[1](child)
    }
  }
}

/**
 * An experiment without a model: `n` examples in two chats; the adapter answers right from the fourth on.
 *
 * `parts` replaces parts of the harness's options, as source text; `imports` comes first in the file.
 */
export function writeExperiment(folder: string, name: string, parts: Record<string, string> = {}, imports = ''): void {
  const options = {
    exampleSource: 'examples',
    retrieveLoraFn: '() => null',
    inferenceFn:
      "(example, lora, harness) => ({ text: harness.index < 3 ? 'no' : 'yes', promptTokens: 5, newTokens: 2, finishReason: 'stop' })",
    finetuneFn: "() => skip('no model here')",
    baselines: "{ base: () => 'no' }",
    seed: '11',
    ...parts,
  }
  const text = `${imports}
import { LoRAHarness, skip } from 'lora-harness'
export default ({ args, signal }) => {
  const examples = Array.from({ length: Number(args.n ?? 8) }, (_, i) => ({
    datasetName: 'fake', testIdx: i, lang: 'en', chatId: 'chat-' + (i % 2), info: {}, metadata: {},
    messages: [{ role: 'user', content: 'question ' + i + ' \\x1b[31m\\r red' }],
    evaluate: response => ({ f1: response === 'yes' ? 1 : 0, golden_answer: 'yes' }),
  }))
  return new LoRAHarness({
    ${Object.entries(options)
      .map(([key, value]) => `${key}: ${value},`)
      .join('\n    ')}
  })
}
`
  writeFileSync(join(folder, name), text)
}
