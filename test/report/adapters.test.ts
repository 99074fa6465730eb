import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Adapter } from '../../src/lora/adapter.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import { moduleNorms, totalNorm } from '../../src/lora/norms.js'
import { writePeft } from '../../src/lora/peft.js'
import { adapterPictures } from '../../src/report/adapters.js'
import { randomAdapter } from '../helpers/adapters.js'
import { stepOf } from './sample.js'

const folder = mkdtempSync(join(tmpdir(), 'pictures-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const one = randomAdapter(
  { 'model.layers.0.self_attn.q_proj': { m: 6, n: 5, r: 2 }, 'model.layers.1.mlp.up_proj': { m: 7, n: 5, r: 2 } },
  1,
)
/** ΔW is linear in B. */
const times = (factor: number): Adapter => ({
  ...one,
  tensors: new Map(
    [...one.tensors].map(([name, t]) => [
      name,
      name.includes('lora_B') ? { ...t, data: (t.data as Float32Array).map(x => factor * x) } : t,
    ]),
  ),
})
const base = { name: '', fingerprint: '', revision: null } as never
const kept = [1, 2, 1.5].map(factor => writePeft(times(factor), folder, base))
const [a, b, c] = kept.map(({ identifier }) => ({ identifier })) as [LoRAHandle, LoRAHandle, LoRAHandle]

const size = totalNorm(moduleNorms(one))
const parents = new Map([
  [b.identifier, a.identifier],
  [c.identifier, b.identifier],
])
const record = {
  branches: [{ name: 'main', parent: null, at: 0, skipUpdates: [] }],
  timeline: () => [],
  lora: (identifier: string) => new LoRAHandle({ identifier, path: join(folder, identifier) }),
  adapter: (identifier: string) =>
    ({ identifier, parent: parents.get(identifier) ?? null, norms: { all: 1 }, removed: null }) as never,
}
const steps = [
  stepOf(0, { chatId: 'x', updatedLora: a }),
  stepOf(1, { chatId: 'x', retrievedLora: a, updatedLora: b }),
  stepOf(2, { chatId: 'x', retrievedLora: b }),
  stepOf(3, { chatId: 'x', retrievedLora: b, updatedLora: c }),
]

describe('adapterPictures', () => {
  test('sizes and directions of the last adapter; each update against what was learned before', async () => {
    const found = await adapterPictures(record, 'main', steps)
    if ('why' in found) throw new Error(found.why)
    expect(found.last).toMatchObject({ identifier: c.identifier, index: 3 })
    // Factors are float32.
    expect(found.last.norm / size).toBeCloseTo(1.5, 5)
    expect(found.modules.map(({ module, rank, baseNorm }) => [module, rank, baseNorm])).toEqual([
      ['model.layers.0.self_attn.q_proj', 2, null],
      ['model.layers.1.mlp.up_proj', 2, null],
    ])
    for (const { effectiveRank, strongest } of found.modules) {
      expect(effectiveRank).toBeGreaterThan(1)
      expect(strongest).toBeGreaterThan(0.5)
    }
    expect(found.base).toBeNull()
    expect(found.baseWhy).toContain('does not say which base model')
    expect(found.way).toMatchObject({ updates: 3, lines: [{ name: 'x', norms: [1, 1, 1, 1] }] })
    const moves = found.way.moves.map(({ at, step, onward }) => [at, step / size, onward])
    const wanted = [
      [0, 1, null],
      [1, 1, 1],
      [3, 0.5, -1],
    ]
    for (const [i, [at, step, onward]] of wanted.entries()) {
      expect(moves[i]![0]).toBe(at)
      expect(moves[i]![1]).toBeCloseTo(step!, 5)
      if (onward === null) expect(moves[i]![2]).toBeNull()
      else expect(moves[i]![2]).toBeCloseTo(onward!, 5)
    }
    expect(found.branches).toBeNull()
  })

  test('the last update, and what another branch ended the same chat with', async () => {
    const branches = ['main', 'child', 'first'].map(name => ({
      ...{ name, parent: name === 'main' ? null : 'main', at: 2, skipUpdates: [] },
    }))
    const ends: Record<string, [chatId: string, lora: string][]> = {
      main: [
        ['x', a.identifier],
        ['y', b.identifier],
      ],
      first: [['x', b.identifier]],
      child: [['x', c.identifier]],
    }
    const timeline = (name = 'main') => ends[name]!.map(([chatId, lora]) => ({ chatId, lora })) as never
    const forked = { ...record, branches, timeline }
    const found = await adapterPictures(forked, 'child', steps)
    if ('why' in found) throw new Error(found.why)
    const norm = (of: readonly { norm: number }[]) => Math.hypot(...of.map(m => m.norm)) / size
    // ΔW went from 2 to 1.5 times that of `one`; the branch that was left has 1 of it in chat x. Factors are float32.
    expect(found.update).toMatchObject({ index: 3 })
    expect([norm(found.update!.from), norm(found.update!.change)].map(v => +v.toFixed(5))).toEqual([2, 0.5])
    expect(found.other).toMatchObject({ branch: 'main' })
    expect([norm(found.other!.from), norm(found.other!.change)].map(v => +v.toFixed(5))).toEqual([1, 0.5])
    expect(found.modules.map(({ values }) => values.length)).toEqual([2, 2])

    const first = await adapterPictures(forked, 'child', steps.slice(0, 1))
    expect(first).toMatchObject({ update: null, other: { branch: 'first' } }) // `main` ended with the same adapter.
    const given = (identifier: string) =>
      identifier === b.identifier ? new LoRAHandle({ identifier }) : record.lora(identifier)
    const lost = await adapterPictures({ ...record, lora: given }, 'main', [stepOf(0, { retrievedLora: c })])
    expect(lost).toMatchObject({ update: null, other: null, modules: [{}, {}] })
  })

  test('of many updates it looks at 60, evenly spread, the first among them', async () => {
    const many = Array.from({ length: 600 }, (_, i) =>
      stepOf(i, i % 2 ? { retrievedLora: b, updatedLora: a } : { retrievedLora: a, updatedLora: b }),
    )
    const found = await adapterPictures(record, 'main', many)
    if ('why' in found) throw new Error(found.why)
    expect(found.way.moves).toHaveLength(60)
    expect(found.way.updates).toBe(600)
    expect(found.way.moves[1]!.at - found.way.moves[0]!.at).toBe(10)
  })

  test('says why there are none', async () => {
    expect(await adapterPictures(record, 'main', [stepOf(0)])).toEqual({ why: 'No example used or left an adapter.' })
    const elsewhere = { ...record, lora: (identifier: string) => new LoRAHandle({ identifier }) }
    expect(await adapterPictures(elsewhere, 'main', steps)).toEqual({
      why: `The adapter pictures are left out: adapter ${c.identifier.slice(0, 12)} has no files`,
    })
    const gone = {
      ...record,
      adapter: () => ({ parent: null, norms: null, removed: { time: '', why: 'gc' } }) as never,
    }
    expect(await adapterPictures(gone, 'main', steps)).toMatchObject({
      why: expect.stringContaining('was given up: gc'),
    })
  })
})
