import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { control, follow } from '../../../kernel-ext/src/cells/server.js'
import { harness, type NotebookHarness } from '../../../kernel-ext/src/index.js'
import { adapterPair } from '../../../src/lora/analysis/pair.js'
import { LoRAHandle } from '../../../src/lora/handle.js'
import { writePeft } from '../../../src/lora/peft.js'
import type { ControlAnswers, EventMessage } from '../../../src/protocol/index.js'
import { numbered, toy } from '../../harness/toy.js'
import { randomAdapter, SMOLLM2_MODULES } from '../../helpers/adapters.js'
import { closing, fakePage } from './page.js'

const folder = mkdtempSync(join(tmpdir(), 'answers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(() => void fakePage())
const closes = closing()
const sizes = {
  'model.layers.0.self_attn.q_proj': { m: 6, n: 5, r: 2 },
  'model.layers.1.mlp.up_proj': { m: 7, n: 5, r: 2 },
}
const base = { name: '', fingerprint: '' }

let runs = 0
/** A run of four examples whose every update is a new adapter with files. */
async function learnt(): Promise<NotebookHarness> {
  let seed = 0
  const h = await harness({
    ...toy,
    ...{ id: `answers-${runs++}`, folder: null, exampleSource: () => numbered(4) },
    finetuneFn: () => new LoRAHandle(writePeft(randomAdapter(sizes, ++seed), folder, base)),
  })
  closes(h)
  await h.run()
  return h
}
let request = 0
async function ask<T extends keyof ControlAnswers>(h: NotebookHarness, type: T, asked: object = {}) {
  const reply = await control('answers', { request: request++, id: h.id, type, ...asked })
  if (!reply.ok) throw new Error(reply.error)
  return reply.result as unknown as ControlAnswers[T]
}

describe('adapters', () => {
  test('two adapters and what lies between them; one against none', async () => {
    const h = await learnt()
    const [a, b] = h.results.map(({ updatedLora }) => updatedLora!.identifier)
    const pair = await ask(h, 'adapters', { a, b })
    expect(pair).toMatchObject({ a, b, all: null, baseWhy: expect.stringContaining('does not say which base model') })
    expect(pair.modules.change.map(({ module, rank }) => [module, rank])).toEqual(
      Object.keys(sizes).map(module => [module, null]),
    )
    // ‖b − a‖² = ‖a‖² + ‖b‖² − 2⟨a, b⟩, in Float64 from float32 factors.
    const { norms, cosine } = pair
    const square = norms.a ** 2 + norms.b ** 2 - 2 * cosine! * norms.a * norms.b
    expect(norms.change ** 2 / square).toBeCloseTo(1, 9)
    for (const { values, norm } of [...pair.modules.a, ...pair.modules.change])
      expect(Math.hypot(...values) / norm).toBeCloseTo(1, 4) // Six digits of each value.
    const alone = await ask(h, 'adapters', { a: null, b })
    expect(alone.modules.change.map(({ norm }) => norm)).toEqual(alone.modules.b.map(({ norm }) => norm))
    expect([alone.norms.a, alone.cosine, alone.modules.a]).toEqual([0, null, []])
    await expect(ask(h, 'adapters', { a: 'f'.repeat(64), b })).rejects.toThrow('has no adapter')
    // test/report/new-directions.ort.test.ts has a base model.
    const module = 'model.layers.1.mlp.up_proj'
    await expect(ask(h, 'directions', { adapter: b, module })).rejects.toThrow('does not say which base model')
    await expect(ask(h, 'directions', { adapter: b, module: 'lm_head' })).rejects.toThrow('has no such module')
  })

  test('the way of the adapters, and the branches', async () => {
    const h = await learnt()
    await h.rewind(2, 'again')
    await h.step()
    const path = await ask(h, 'path', { branch: 'main' })
    expect(path).toMatchObject({ updates: 4, branches: { names: ['main', 'again'] } })
    expect(path.moves.map(({ at }) => at)).toEqual([0, 1, 2, 3])
    expect((await ask(h, 'path', { branch: 'again' })).moves.slice(0, 2)).toEqual(path.moves.slice(0, 2))
    const lineage = await ask(h, 'lineage')
    expect(lineage.branches.map(({ name, length }) => [name, length])).toEqual([
      ['main', 4],
      ['again', 3],
    ])
    expect(lineage.adapters).toHaveLength(5)
    await expect(ask(h, 'path', { branch: 'gone' })).rejects.toThrow('reading branch gone')
  })

  test('210 modules of rank 8 take about a second, and other work gets its turns', async () => {
    const [a, b] = [1, 2].map(seed => ({ identifier: String(seed), adapter: randomAdapter(SMOLLM2_MODULES, seed) }))
    let [turns, longest, last] = [0, 0, performance.now()]
    const timer = setInterval(() => {
      turns++
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    })
    const from = process.cpuUsage()
    const pair = await adapterPair(a!, b!, { why: 'not looked for' })
    const { user, system } = process.cpuUsage(from)
    clearInterval(timer)
    const bytes = JSON.stringify(pair).length
    console.log(
      `pair of 210 modules: ${((user + system) / 1e3).toFixed(0)} ms, ${turns} turns, the longest wait ${longest.toFixed(0)} ms, ${(bytes / 1e3).toFixed(0)} kB`,
    )
    expect(pair.modules.change).toHaveLength(210)
    // Time of the processor; where many share it, caches and clock are worth half of what they are alone.
    expect((user + system) / 1e3).toBeLessThan(3000)
    expect(turns).toBeGreaterThan(20)
  })
})

test('a person’s words are kept in the record and told to every front', async () => {
  const h = await learnt()
  const fork = await h.fork({ at: 2, name: 'other' })
  const got: EventMessage[] = []
  closes({ close: follow(async message => void got.push(message)) })
  const words = { branch: 'main', index: 1, tags: ['odd'], note: 'look again' }
  await ask(h, 'annotate', words)
  await ask(h, 'annotate', { ...words, tags: [], note: '' })
  await ask(h, 'annotate', words)
  const told = (id: string) =>
    got.flatMap(message =>
      message.id === id && message.type === 'event' && message.event.type === 'annotation' ? [message] : [],
    )
  for (const id of [h.id, fork.id]) {
    await expect
      .poll(() => told(id))
      .toMatchObject([{ event: words }, { event: { ...words, tags: [], note: '' } }, { event: words }])
    const [first, ...later] = told(id).map(({ n }) => n)
    expect(later).toEqual([first! + 1, first! + 2])
  }
  expect(h.record.events().at(-1)).toMatchObject(words)
  await expect(ask(h, 'annotate', { ...words, index: 4 })).rejects.toThrow('branch main of run')
})

test('a fork’s examples are told to the run that it left, too', async () => {
  const h = await learnt()
  const got: EventMessage[] = []
  const fork = await h.fork({ at: 2, name: 'other' })
  closes({ close: follow(async message => void got.push(message)) })
  await expect.poll(() => got.some(({ type }) => type === 'ready')).toBe(true)
  await fork.step()
  await expect
    .poll(() => got.findLast(message => message.type === 'points' && message.id === h.id))
    .toMatchObject({ branch: 'other', from: 2, points: [{ index: 2 }] })
  await h.rewind(1, 'again')
  await expect
    .poll(() => got.findLast(message => message.type === 'branches' && message.id === fork.id))
    .toMatchObject({ current: 'other', branches: [{ name: 'main' }, { name: 'other' }, { name: 'again' }] })
})
