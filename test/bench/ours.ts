/** This project doing the work that `work.ts` lists, one JSON command a line on stdin, one JSON answer a line on stdout. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { LoRAHandle, LoRAModel, type Skip, setAdapterFolder } from 'lora-harness'
import type { Command } from './work.js'

const [dtype] = process.argv.slice(2) as ['fp32' | 'q4']
setAdapterFolder(mkdtempSync(join(tmpdir(), 'bench-')))
const model = await LoRAModel.load('smollm2-135m-instruct', { dtype })

const ids = (T: number) => Array.from({ length: T }, (_, i) => ((i * 37) % 40000) + 100)
const item = (T: number, learned = T) => ({
  inputIds: ids(T),
  labels: ids(T).map((id, i) => (i < T - learned ? -100 : id)),
})
/** A question of about `T` tokens that is answered at length; `first` keeps what was read before from being used again. */
const prompt = (T: number, first = '') => [
  {
    role: 'user',
    content: `${first}Write a long story about a river. ${'The river is long. '.repeat(Math.max(0, Math.floor((T - 38) / 5)))}`,
  },
]

const trained = (made: LoRAHandle | Skip): LoRAHandle => {
  if (made instanceof LoRAHandle) return made
  throw new Error(`training was skipped: ${made.reason}`)
}
let adapter = trained(await model.finetune(null, item(16), { steps: 1 }))
const other = trained(await model.finetune(null, item(16), { steps: 1, seed: 1 }))

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** [ms] for one more token: long answer minus first token. The same prompt both times. */
async function decode(T: number, n: number, lora: LoRAHandle | null): Promise<number> {
  const options = { lora, temperature: 0 }
  const first = await timed(() => model.generate(prompt(T), { ...options, maxNewTokens: 1 }))
  const start = performance.now()
  const { newTokens } = await model.generate(prompt(T), { ...options, maxNewTokens: n + 1 })
  return (performance.now() - start - first) / (newTokens - 1)
}

/** A copy of the adapter under another name, so that it must be read from its folder. */
const unread = () => new LoRAHandle({ identifier: `copy-${performance.now()}`, path: adapter.path! })

/** [ms] more for two tokens with an adapter when the one before was another: the median of many pairs. */
async function swap(to: () => LoRAHandle): Promise<number> {
  const answer = (lora: LoRAHandle) => timed(() => model.logits([1, 2], { lora }))
  const differences = []
  for (let i = 0; i < 15; i++) {
    await answer(adapter)
    const same = await answer(adapter)
    differences.push((await answer(to())) - same)
  }
  return Math.max(0, differences.sort((a, b) => a - b)[7]!)
}

async function example(): Promise<void> {
  const lora = unread()
  await model.generate(prompt(128), { lora, maxNewTokens: 32 })
  await model.logits(ids(128), { lora })
  adapter = trained(await model.finetune(lora, item(128), { steps: 4 }))
}

let asked = 0

const WORK: Record<Command['work'], (c: Command) => Promise<number[]>> = {
  prefill: async c => [
    await timed(() =>
      model.generate(prompt(c.T!, `${++asked} `), { lora: c.adapter ? adapter : null, maxNewTokens: 1 }),
    ),
  ],
  decode: async c => [await decode(c.T!, c.n!, c.adapter ? adapter : null)],
  swap: async c => [await swap(c.resident ? () => other : unread)],
  train: async c =>
    (
      trained(await model.finetune(adapter, item(c.T!, c.learned), { steps: c.n! })).metadata.training as {
        stepMs: number[]
      }
    ).stepMs,
  loop: async () => [await timed(example)],
}

/** Memory of this process now [bytes]; a file that it has mapped twice counts once. */
const pss = (): number =>
  1024 * Number(/^Pss:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1] ?? Number.NaN)

const answer = (value: unknown) => writeFileSync(1, `${JSON.stringify(value)}\n`)
answer({ ready: true })
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command
  const ms = await WORK[command.work](command)
  answer({ ms, rss: process.resourceUsage().maxRSS * 1024, pss: pss() })
}
