/**
 * `npm run bench [-- --peft] [-- --rounds N] [-- --dtype q4]`: speed and memory on this machine.
 *
 * Each side is a process of its own; with `--peft` they take turns at every piece of work, so that ratios come from one
 * run. Best of all rounds, because whatever else the machine does only ever adds time.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { table } from 'table'
import { homeFolder } from '../../dist/models/home.js'
import { matmulPeak, overhead } from './machine.js'
import { type Command, ROWS } from './work.js'

const { values } = parseArgs({
  options: {
    peft: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    dtype: { type: 'string', default: 'fp32' },
  },
})
const rounds = Number(values.rounds)
const threads = 2

interface Side {
  ask(command: Command): Promise<{ ms: number[]; rss: number }>
  process: ChildProcess
}

/** Starts a side and waits until it is ready. */
async function side(command: string, args: string[]): Promise<Side> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const read = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${command} ${args.join(' ')} ended early`)
    return JSON.parse(value as string)
  }
  await read()
  return {
    process: child,
    ask: async c => {
      child.stdin.write(`${JSON.stringify(c)}\n`)
      return read()
    },
  }
}

const model = join(homeFolder(), 'models', 'smollm2-135m-instruct')
const sides: Record<string, Side> = {
  ours: await side(process.execPath, ['--import', './scripts/typescript.mjs', 'test/bench/ours.ts', values.dtype]),
}
if (values.peft) sides.peft = await side(process.env.PEFT_PYTHON!, ['test/bench/pytorch.py', model, String(threads)])

const rows = []
for (const row of ROWS) {
  const best: Record<string, number> = {}
  const rss: Record<string, number> = {}
  for (let round = 0; round < rounds; round++)
    for (const [name, s] of Object.entries(sides)) {
      const { ms, rss: bytes } = await s.ask(row)
      best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, ...ms)
      rss[name] = bytes
    }
  rows.push({
    name: row.name,
    unit: row.unit,
    ms: best,
    rss,
    shown: Object.fromEntries(Object.entries(best).map(([k, ms]) => [k, row.shown(ms)])),
  })
  console.log(
    `${row.name}: ${Object.entries(best)
      .map(([k, ms]) => `${k} ${row.shown(ms).toFixed(1)} ${row.unit}`)
      .join(', ')}`,
  )
}
for (const s of Object.values(sides)) s.process.kill()

const machine = {
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  node: process.version,
  matmulGflops: await matmulPeak(),
  overheadMicroseconds: await overhead(),
}
const result = { dtype: values.dtype, rounds, machine, rows }
mkdirSync('runs', { recursive: true })
const file = join('runs', `bench-${values.dtype}.json`)
writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)

const number = (x: number | undefined) => (x === undefined ? '' : x.toFixed(x < 10 ? 2 : 0))
const gigabytes = (bytes: number | undefined) => (bytes === undefined ? '' : (bytes / 1e9).toFixed(2))
console.log(
  table([
    ['', 'unit', 'ours', 'PEFT', 'time, ours / PEFT', 'peak RSS ours [GB]', 'PEFT [GB]'],
    ...rows.map(r => [
      r.name,
      r.unit,
      number(r.shown.ours),
      number(r.shown.peft),
      r.ms.peft ? number(r.ms.ours! / r.ms.peft) : '',
      gigabytes(r.rss.ours),
      gigabytes(r.rss.peft),
    ]),
  ]),
)
console.log(
  `machine: ${machine.cpu}, ${machine.cores} cores; matrix product 1024³: ${machine.matmulGflops.toFixed(0)} GFLOP/s; the loop itself: ${machine.overheadMicroseconds.toFixed(0)} µs an example`,
)
console.log(`written to ${file}`)
