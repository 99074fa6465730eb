/**
 * `npm run bench -- --record`: what the record of a run costs. Time per step beside that of the adapter's own files,
 * bytes per step, and how long a run of 100,000 steps takes to read, to draw, and to go on with.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import {
  EmbeddedExampleSource,
  type ExampleContext,
  exampleKey,
  LoRAHandle,
  type OpenOptions,
  openRun,
  readRun,
  type Step,
} from 'lora-harness'
import { table } from 'table'
import { writeBeside } from '../../dist/lora/beside.js'
import type { TrainingSummary } from '../../dist/lora/handle.js'
import { writePeft } from '../../dist/lora/peft.js'
import { exampleHash } from '../../dist/record/changes.js'
import { chained } from '../../dist/record/schema.js'
import { randomAdapter, SMOLLM2_MODULES } from '../helpers/adapters.js'

const LONG_RUN = 100_000
const READINGS = ['timeline', 'steps', 'resume'] as const
type Reading = (typeof READINGS)[number]

const BASE = { name: 'smollm2', fingerprint: '' }

/** Value below which a part of the sorted values lies. */
const quantile = (values: readonly number[], part: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(part * values.length))]!
/** Median and 99th percentile [ms]. */
const spread = (values: readonly number[]) =>
  values.length > 0 ? `${quantile(values, 0.5).toFixed(1)} / ${quantile(values, 0.99).toFixed(1)}` : ''
const timed = <T>(into: number[], work: () => T): T => {
  const start = performance.now()
  const done = work()
  into.push(performance.now() - start)
  return done
}

/** The embedded benchmark over and over, under other keys. */
const embedded = (count: number): ExampleContext[] => {
  const examples = [...new EmbeddedExampleSource()]
  return Array.from({ length: count }, (_, i) => ({ ...examples[i % examples.length]!, testIdx: i }))
}
/** Questions about a long conversation, which is a message of its own, or stands before the question in one message. */
const conversations = (count: number, apart: boolean): ExampleContext[] =>
  embedded(count).map((example, i) => {
    const conversation = `${example.chatId}: ${'Somebody said something, and somebody else answered. '.repeat(1200)}`
    const question = `Question ${i}: ${example.userPrompt} Answer with exact words from the context whenever possible.`
    const texts = apart ? [conversation, question] : [`${conversation}\n${question}`]
    return { ...example, messages: texts.map(content => ({ role: 'user', content })) }
  })

const training = (i: number): TrainingSummary => ({
  hyperparameters: { rank: 8, alpha: 16, steps: 3, learningRate: 3e-4, weightDecay: 0, betas: [0.9, 0.999], seed: i },
  losses: [3.1234567890123 + i, 2.34567890123, 1.567890123],
  gradientNorms: [1.234567890123, 0.98765432101234, 0.7654321012345],
  learningRates: [3e-4, 3e-4, 3e-4],
  stepMs: [417.123456789, 416.123456789, 415.123456789],
  targetLoss: { before: 3.1234567890123, after: 1.234567890123 },
  truncated: [],
  items: [i.toString(16).padStart(64, '0')],
})

interface Cost {
  /** Time of each step for writing the adapter's files, which a run without a record does too [ms]. */
  write: number[]
  /** For their hashes and the norms of the update [ms]. */
  keep: number[]
  /** For the step itself [ms]. */
  commit: number[]
  /** Size of run.db over the steps [bytes]. */
  bytes: number
}

/**
 * Runs examples whose answers and adapters cost nothing to make.
 *
 * @param files with each update a new adapter of 2.4 million parameters is written, with `state` an optimizer's too;
 *   they are removed again, so that the disk does not fill up
 */
async function costOf(home: string, examples: ExampleContext[], files: 'none' | 'adapter' | 'state'): Promise<Cost> {
  const path = mkdtempSync(join(home, 'run-'))
  const adapter = randomAdapter(SMOLLM2_MODULES, 1)
  const [first] = adapter.tensors.values()
  const moments = new Uint8Array(2 * [...adapter.tensors.values()].reduce((sum, t) => sum + t.data.byteLength, 0))
  const cost: Cost = { write: [], keep: [], commit: [], bytes: 0 }
  const run = await openRun(path, {
    exampleSource: examples,
    retrieveLoraFn: (example, { store }) => store.getLast(example.chatId),
    inferenceFn: example => ({
      text: `It is ${example.userPrompt}`.slice(0, 40),
      promptTokens: 60,
      newTokens: 12,
      finishReason: 'stop',
    }),
    finetuneFn: (_example, _lora, _response, _metrics, { index }) => {
      const metadata = { training: training(index) }
      if (files === 'none') return new LoRAHandle({ identifier: index.toString(16).padStart(64, '0'), metadata })
      first!.data[0] = index
      moments[0] = index
      const made = timed(cost.write, () => {
        const { identifier, path: folder } = writePeft(adapter, join(path, 'adapters'), BASE)
        if (files === 'state') writeBeside(folder, 'optimizer.safetensors', moments)
        return { identifier, path: folder }
      })
      return new LoRAHandle({ ...made, metadata })
    },
  })
  const { recorder } = run
  const [keep, record] = [recorder.keep.bind(recorder), recorder.record.bind(recorder)]
  recorder.keep = lora => timed(cost.keep, () => keep(lora))
  recorder.record = async (...args) => {
    const start = performance.now()
    await record(...args)
    cost.commit.push(performance.now() - start)
  }
  for await (const { updatedLora } of run.run()) if (updatedLora?.path) rmSync(updatedLora.path, { recursive: true })
  recorder.close()
  cost.bytes = statSync(join(path, 'run.db')).size / examples.length
  return cost
}

/** A run whose updates have no files. */
const longOptions = (count: number): OpenOptions => ({
  exampleSource: embedded(count),
  retrieveLoraFn: (example, { store }) => store.getLast(example.chatId),
  inferenceFn: () => 'It is an answer of some words.',
  finetuneFn: (_e, _l, _r, _m, { index }) =>
    new LoRAHandle({ identifier: index.toString(16).padStart(64, '0'), metadata: { training: training(index) } }),
})

/** Makes a run of many steps from one of a thousand, without waiting for the disk after each. */
async function longRun(path: string): Promise<void> {
  const run = await openRun(path, longOptions(1000))
  for await (const _ of run.run());
  run.recorder.close()
  const db = new Libsql(join(path, 'run.db'))
  const rows = db.prepare('SELECT session, body, hash FROM steps ORDER BY idx').all() as {
    session: number
    body: string
    hash: string
  }[]
  const insert = db.prepare('INSERT INTO steps (branch, idx, session, example, body, hash) VALUES (1, ?, ?, ?, ?, ?)')
  const examples = embedded(LONG_RUN)
  db.exec('PRAGMA synchronous = OFF; BEGIN')
  let before = rows.at(-1)!.hash
  for (let index = rows.length; index < LONG_RUN; index++) {
    const { session, body } = rows[index % rows.length]!
    const step: Step = { ...JSON.parse(body), index, testIdx: index, key: exampleKey(examples[index]!) }
    const row = { session, example: exampleHash(examples[index]!), body: JSON.stringify(step) }
    before = chained(before, 'main', row)
    insert.run(index, session, row.example, row.body, before)
  }
  db.exec('COMMIT')
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
}

/** In a process of its own: seconds, and megabytes that it grew by. */
async function read(what: Reading, path: string) {
  const options = longOptions(LONG_RUN)
  const before = process.memoryUsage().rss
  const start = performance.now()
  // Held until the memory is read.
  const all = what === 'resume' ? (await openRun(path, options)).results : readRun(path)[what]()
  const seconds = (performance.now() - start) / 1000
  return { seconds, megabytes: (process.memoryUsage().rss - before) / 1e6, count: all.length }
}

const [reading, long] = process.argv.slice(2)
if (READINGS.includes(reading as Reading)) {
  writeFileSync(1, JSON.stringify(await read(reading as Reading, long!)))
  process.exit()
}

const home = mkdtempSync(join(tmpdir(), 'bench-record-'))
const costs = {
  'no files': await costOf(home, embedded(1000), 'none'),
  'an adapter of 2.4 M parameters': await costOf(home, embedded(120), 'adapter'),
  'an adapter and its optimizer state': await costOf(home, embedded(60), 'state'),
  'conversation of 60 kB, question apart': await costOf(home, conversations(200, true), 'none'),
  'conversation of 60 kB and question in one': await costOf(home, conversations(200, false), 'none'),
}
console.log(
  table([
    ['each step with', 'record [ms]: median / p99', 'hashes, norms', 'commit', 'writing files', 'run.db [bytes/step]'],
    ...Object.entries(costs).map(([name, { keep, commit, write, bytes }]) => [
      name,
      spread(commit.map((time, i) => time + (keep[i] ?? 0))),
      spread(keep),
      spread(commit),
      spread(write),
      bytes.toFixed(0),
    ]),
  ]),
)

const path = join(home, 'long')
await longRun(path)
const megabytes = statSync(join(path, 'run.db')).size / 1e6
const readings = Object.fromEntries(
  READINGS.map(what => {
    const args = [...process.execArgv, process.argv[1]!, what, path]
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    return [what, JSON.parse(stdout) as Awaited<ReturnType<typeof read>>]
  }),
)
console.log(
  table([
    [`${LONG_RUN} steps, run.db of ${megabytes.toFixed(0)} MB`, 's', 'MB more of RSS'],
    ...Object.entries(readings).map(([what, r]) => [what, r.seconds.toFixed(2), r.megabytes.toFixed(0)]),
  ]),
)
rmSync(home, { recursive: true })
mkdirSync('runs', { recursive: true })
writeFileSync(join('runs', 'bench-record.json'), `${JSON.stringify({ costs, readings }, null, 2)}\n`)
console.log('written to runs/bench-record.json')
