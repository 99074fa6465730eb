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
import { matmulPeak, memoryRate, overhead } from './machine.js'
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
  ask(command: Command): Promise<{ ms: number[]; rss: number; pss: number }>
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

interface Measured {
  name: string
  unit: string
  work: Command['work']
  T: number | undefined
  learned: number | undefined
  ms: Record<string, number>
  rss: Record<string, number>
  pss: Record<string, number>
  shown: Record<string, number>
}

const rows: Measured[] = []
for (const row of ROWS) {
  const best: Record<string, number> = {}
  const rss: Record<string, number> = {}
  const pss: Record<string, number> = {}
  for (let round = 0; round < rounds; round++)
    for (const [name, s] of Object.entries(sides)) {
      const { ms, ...memory } = await s.ask(row)
      best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, ...ms)
      rss[name] = memory.rss
      pss[name] = memory.pss
    }
  rows.push({
    name: row.name,
    work: row.work,
    T: row.T,
    learned: row.learned,
    unit: row.unit,
    ms: best,
    rss,
    pss,
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
  memoryGigabytes: await memoryRate(),
  overheadMicroseconds: await overhead(),
}
const result = { dtype: values.dtype, rounds, machine, rows }
mkdirSync('runs', { recursive: true })
const file = join('runs', `bench-${values.dtype}.json`)
writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)

const number = (x: number | undefined) => (x === undefined ? '' : x.toFixed(x < 10 ? 2 : 0))
/** Products of the frozen weights in a training step, forward and to their inputs, of a token and of a learned token: SmolLM2-135M. */
const LAYERS_FLOP = 4 * 30 * (2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536)
const HEAD_FLOP = 4 * 49152 * 576
/** Bytes of weights read for one new token. */
const TOKEN_BYTES: Record<string, number> = { fp32: 540e6 }
/** Of the machine's rate of products (training) or of reading (decoding), in per cent. */
const share = ({ work, T, learned, ms }: Measured): string => {
  const percent = (rate: number, peak: number) => `${Math.round((100 * rate) / peak)} %`
  if (work === 'train')
    return percent((LAYERS_FLOP * T! + HEAD_FLOP * (learned ?? T!)) / (ms.ours! * 1e6), machine.matmulGflops)
  const bytes = TOKEN_BYTES[values.dtype]
  return work === 'decode' && bytes ? percent(bytes / (ms.ours! * 1e6), machine.memoryGigabytes) : ''
}
const gigabytes = (bytes: number | undefined) => (bytes === undefined ? '' : (bytes / 1e9).toFixed(2))
console.log(
  table([
    [
      '',
      'unit',
      'ours',
      'PEFT',
      'time, ours / PEFT',
      'peak RSS ours [GB]',
      'PEFT [GB]',
      'PSS after ours [GB]',
      'PEFT [GB]',
      'of peak',
    ],
    ...rows.map(r => [
      r.name,
      r.unit,
      number(r.shown.ours),
      number(r.shown.peft),
      r.ms.peft ? number(r.ms.ours! / r.ms.peft) : '',
      gigabytes(r.rss.ours),
      gigabytes(r.rss.peft),
      gigabytes(r.pss.ours),
      gigabytes(r.pss.peft),
      share(r),
    ]),
  ]),
)
console.log(
  `machine: ${machine.cpu}, ${machine.cores} cores; matrix product 1024³: ${machine.matmulGflops.toFixed(0)} GFLOP/s; reading weights: ${machine.memoryGigabytes.toFixed(0)} GB/s; the loop itself: ${machine.overheadMicroseconds.toFixed(0)} µs an example`,
)
console.log(`written to ${file}`)
