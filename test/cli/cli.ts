import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Builds what the command line runs from, and gives each test file a folder of its own. */
export function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lora-harness-cli-'))
  beforeAll(() => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/build.mjs'], {
      cwd: root,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`)
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface Ended {
  code: number | null
  /** What was written to stdout and stderr, in order. */
  output: string
}

/** Runs Node in `cwd`; `watch` sees all output so far, each time more comes. */
export function node(
  args: string[],
  cwd: string,
  watch?: (output: string, child: ChildProcess) => void,
  more: Record<string, string> = {},
): Promise<Ended> {
  const env = { ...process.env, FORCE_COLOR: '0', LORA_HARNESS_HOME: join(cwd, 'home'), ...more }
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      output += text
      watch?.(output, child)
    })
  return new Promise(resolve => child.on('close', code => resolve({ code, output })))
}

/** Runs `lora-harness` in `cwd`. */
export const cli = (
  args: string[],
  cwd: string,
  watch?: Parameters<typeof node>[2],
  more?: Record<string, string>,
): Promise<Ended> => node([join(root, 'dist/cli/main.js'), ...args], cwd, watch, more)

/**
 * An experiment without a model: `n` examples in two chats; the adapter answers right from the fourth on.
 *
 * `parts` replaces parts of the harness's options, as source text.
 */
export function writeExperiment(folder: string, name: string, parts: Record<string, string> = {}): void {
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
  const text = `import { LoRAHarness, skip } from 'lora-harness'
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
