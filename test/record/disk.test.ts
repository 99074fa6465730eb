import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { disk } from '../../src/lora/durable.js'
import { type OpenOptions, openRun } from '../../src/record/open.js'
import { MEMORY, temporaryFolder } from '../helpers/folder.js'
import { outsider, program } from './program.js'
import { expectWhole, stateOf } from './state.js'

const home = temporaryFolder(MEMORY)
let folders = 0
const newFolder = () => join(home, String(folders++))
const theirs = outsider(join(home, 'theirs'))

const real = { ...disk }
afterEach(() => void Object.assign(disk, real))

/** Takes a run to its end, or to the first error. */
async function finish(folder: string, options: OpenOptions = program(theirs, 3)): Promise<void> {
  const run = await openRun(folder, options)
  try {
    for await (const _ of run.run());
  } finally {
    run.recorder.close()
  }
}

const CALLS = ['openSync', 'writeSync', 'fsyncSync', 'mkdirSync', 'renameSync'] as const
type Call = (typeof CALLS)[number]

/**
 * Makes call `n` fail (from 0).
 *
 * @param how `full`: it does nothing; `torn`: a write writes half; `dies`: so does it, and nothing is done any more, as
 *   if the process had died
 * @returns the calls that come
 */
function failAt(n: number, how: 'full' | 'torn' | 'dies'): readonly Call[] {
  const calls: Call[] = []
  for (const name of CALLS) {
    const call = real[name] as (...args: unknown[]) => unknown
    const failing = (...args: unknown[]) => {
      const now = calls.push(name) - 1
      if (now === n && how !== 'full' && name === 'writeSync') {
        const [fd, bytes, at] = args as [number, Uint8Array, number]
        real.writeSync(fd, bytes.subarray(at, at + ((bytes.length - at) >> 1)))
      }
      if (now === n || (now > n && how === 'dies'))
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
      return call(...args)
    }
    Object.assign(disk, { [name]: failing })
  }
  disk.rmSync = (...args) => {
    if (how !== 'dies' || calls.length <= n) real.rmSync(...args)
  }
  return calls
}

const whole = newFolder()
const calls = failAt(Number.POSITIVE_INFINITY, 'full')
await finish(whole)
Object.assign(disk, real)
const expected = stateOf(whole)

/** What an error must say: what was being made, where, and what was wrong. */
const NAMED = new RegExp(
  `^(beginning a run in ${home}/\\d+` +
    `|finetune failed on example \\S+ \\(step \\d\\): saving adapter \\w{12} \\(1 modules\\) in ${home}/\\d+/adapters` +
    `|finetune failed on example \\S+ \\(step \\d\\): saving ${home}/\\d+/adapters/\\w+/optimizer.safetensors` +
    '|record failed on example \\S+ \\(step 1\\): keeping adapter theirs' +
    '): ENOSPC: no space left on device$',
)

test.each([
  ['full', calls.length],
  ['torn', calls.filter(name => name === 'writeSync').length],
  ['dies', calls.length],
] as const)(
  'the disk fails (%s) at each of the %i calls in turn: the run stops, and goes on later',
  async (how, count) => {
    let tried = 0
    for (const [n, name] of calls.entries()) {
      if (how === 'torn' && name !== 'writeSync') continue
      const folder = newFolder()
      failAt(n, how)
      await expect(finish(folder), `call ${n}, ${name}`).rejects.toThrow(NAMED)
      Object.assign(disk, real)
      await finish(folder)
      expectWhole(folder)
      expect(stateOf(folder), `call ${n}, ${name}`).toEqual(expected)
      rmSync(folder, { recursive: true })
      tried++
    }
    expect(tried).toBe(count)
  },
)
