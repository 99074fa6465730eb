import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, expect, test } from 'vitest'
import { random } from '../../src/tensor.js'
import { MEMORY, temporaryFolder } from '../helpers/folder.js'
import { expectWhole, stateOf } from './state.js'

/** Forty in `npm test`, spread over all stages; `KILLS=200` takes a minute or two more. */
const KILLS = Number(process.env.KILLS ?? 40)
/** How often a process comes by each, at least, if it is left to run. */
const STAGES = { open: 1, retrieve: 3, infer: 3, evaluate: 3, finetune: 3, record: 6, probe: 6, branch: 1, close: 1 }
/** Kills in each stage at least: a tenth. */
const FEWEST = KILLS / 10

const home = temporaryFolder(MEMORY)
// One file, because many processes start from it; it finds the packages and this project's package.json from there.
const program = `node_modules/.cache/killed-${process.pid}.mjs`
afterAll(() => rmSync(program, { force: true }))

interface Session {
  /** What the process said, with when it was heard [ms]. */
  lines: { line: string; time: number }[]
  killed: boolean
}

/**
 * Runs the program on a folder until it is done, or is killed.
 *
 * @param kill it is killed `delay` [ms] after it has announced the stage for the `nth` time
 */
function session(folder: string, kill?: { stage: string; nth: number; delay: number }): Promise<Session> {
  const child = spawn(process.execPath, [program, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, WORK: '1000000' },
  })
  const lines: Session['lines'] = []
  let rest = ''
  let left = kill?.nth
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const time = performance.now()
    const parts = (rest + text).split('\n')
    rest = parts.pop()!
    for (const line of parts) {
      lines.push({ line, time })
      if (line !== `stage ${kill?.stage}` || --left! !== 0) continue
      while (performance.now() < time + kill!.delay); // A timer would wait for whole milliseconds.
      child.kill('SIGKILL')
    }
  })
  return new Promise((resolve, reject) =>
    child.on('error', reject).on('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve({ lines, killed: signal === 'SIGKILL' })
      else reject(new Error(`the program ended with ${code ?? signal}`))
    }),
  )
}

/** Median time of each stage [ms]. */
function durations({ lines }: Session): Map<string, number> {
  const all = new Map<string, number[]>()
  lines.forEach(({ line, time }, i) => {
    const next = lines[i + 1]
    if (line.startsWith('stage') && next) all.set(line.slice(6), [...(all.get(line.slice(6)) ?? []), next.time - time])
  })
  return new Map([...all].map(([stage, times]) => [stage, times.sort((a, b) => a - b)[times.length >> 1]!]))
}

test(`killed ${KILLS} times: no step is lost, none doubled, and the run ends as one that was never interrupted`, {
  timeout: 1_200_000,
}, async () => {
  await build({
    entryPoints: ['test/record/killed.ts'],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['libsql', 'onnxruntime-node', '@huggingface/transformers'],
    // Some packages are CommonJS.
    banner: { js: "import { createRequire as from } from 'node:module'; const require = from(import.meta.url)" },
    logLevel: 'error',
  })
  const whole = join(home, 'whole')
  const duration = durations(await session(whole))
  const expected = stateOf(whole)
  expect([...expectWhole(whole)]).toHaveLength(15)
  // The last question on both branches that have it, and both probes on each branch that learned them.
  expect(expected.events.filter(({ type }) => type === 'leak')).toHaveLength(2 + 2 * 3)

  const rng = random(1)
  const kills = new Map(Object.keys(STAGES).map(stage => [stage, 0]))
  let total = 0
  let runs = 0
  let unmade = 0
  for (let folder = join(home, '0'), recorded = new Set<string>(); ; ) {
    const isNew = !existsSync(folder)
    // Every third run is killed while it is being made; else it is the turn of the stage that was struck least.
    const stage = isNew && runs % 3 === 0 ? 'open' : [...kills].sort(([, a], [, b]) => a - b)[0]![0]
    const nth = 1 + rng.below(STAGES[stage as keyof typeof STAGES])
    const kill = { stage, nth, delay: rng.uniform() * (duration.get(stage) ?? 1) }
    // A stage that was struck too seldom, because a busy machine let others strike late, gets its turn.
    const enough = total >= KILLS && ([...kills.values()].every(n => n >= FEWEST) || total >= 2 * KILLS)
    const { lines, killed } = await session(folder, enough ? undefined : kill)
    for (const { line } of lines) if (line.startsWith('recorded')) recorded.add(line.slice(9))
    if (killed) {
      const last = lines.findLast(({ line }) => line.startsWith('stage'))
      if (last) kills.set(last.line.slice(6), kills.get(last.line.slice(6))! + 1)
      total++
      if (isNew && last?.line === 'stage open') unmade++
    }
    // Killed before there was a record, or at any time after.
    const found = existsSync(join(folder, 'run.db')) ? expectWhole(folder) : new Set<string>()
    // What it said is there; one more may be, which it had no time to tell of.
    expect([...recorded].filter(step => !found.has(step))).toEqual([])
    expect(found.size - recorded.size).toBeLessThanOrEqual(1)
    for (const step of found) recorded.add(step)
    if (killed) continue
    expect(stateOf(folder)).toEqual(expected)
    rmSync(folder, { recursive: true })
    if (enough) break
    folder = join(home, String(++runs))
    recorded = new Set()
  }
  const histogram = [...kills].map(([stage, n]) => `${stage} ${n}`).join(', ')
  console.log(`${total} kills in ${runs + 1} runs: ${histogram}; ${unmade} while a run was being made`)
  for (const [stage, n] of kills) expect(n, stage).toBeGreaterThanOrEqual(FEWEST)
})
