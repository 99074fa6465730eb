import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { RunStore } from '../src/model/store.js'
import { readAnswer, readEvent, readReply } from '../src/sources/read.js'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
/** Has a Python kernel: see `npm run lab`. */
const python =
  process.env.LAB_PYTHON ||
  join(process.env.LORA_HARNESS_HOME || join(homedir(), '.cache', 'lora-harness'), 'venvs', 'lab-1', 'bin', 'python')

test.skipIf(!existsSync(python))(
  'a kernel in Python that speaks the protocol: docs/python_run.py',
  async () => {
    const { stdout } = await promisify(execFile)(python, [here('python_front.py'), here('../../docs')])
    const said = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>)
    expect(said[0]).toEqual({ opened: 'lora-harness.events.v1' })
    const store = new RunStore('mine')
    let seq = 0
    for (const { events } of said)
      if (events !== undefined) {
        const read = readEvent(events)
        if (!('message' in read)) throw new Error(read.trouble)
        expect(read.message.seq).toBe(seq++)
        expect(store.apply(read.message)).toBe(true)
      }
    expect(store.line('main').map(({ index, outcome, metrics }) => [index, outcome, metrics.exact])).toEqual([
      [0, 'updated', 1],
      [1, 'updated', 1],
      [2, 'unchanged', 0],
    ])
    expect(store.state).toMatchObject({ status: 'finished', index: 3, total: 4 })
    expect(store.connection).toEqual({ kind: 'live' })
    const types = ['runs', 'pause', 'resume', 'example', 'snapshot', 'rewind'] as const
    const answers = said.flatMap(({ control }) => {
      const reply = readReply(control)
      if (!reply) return []
      return [reply.ok ? readAnswer(types[reply.request]!, reply.result) : reply.error]
    })
    expect(answers).toMatchObject([
      [{ id: 'mine', index: 3 }],
      { status: 'paused' },
      { status: 'running' },
      { index: 2, response: 'no', messages: [{ content: '2?' }] },
      null,
      expect.stringContaining('cannot do that'),
    ])
  },
  300_000,
)
