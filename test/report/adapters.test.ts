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
