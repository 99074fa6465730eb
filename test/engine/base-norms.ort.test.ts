import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { findBaseNorms, findBaseWeights } from '../../src/engine/base-norms.js'
import { baseWeights } from '../../src/engine/base-weights.js'
import type { Graph, Node } from '../../src/graph/graph.js'
import { ONNX_DTYPE } from '../../src/graph/ops.js'
import { findSites } from '../../src/lora/modules.js'
import { FILES } from '../../src/models/dtypes.js'
import { exactProducts } from '../../src/rules/exact.js'
import { type LoraSite, modulesIn } from '../../src/rules/lora.js'
import { prune } from '../../src/rules/prune.js'
import { architecture, exported, fixture, TABLE, weightsOf } from '../helpers/fixtures.js'
import { temporaryFolder } from '../helpers/folder.js'
import { relativeError } from '../helpers/measures.js'
import { run } from '../helpers/ort.js'

const home = temporaryFolder()
beforeAll(() => {
  process.env.LORA_HARNESS_HOME = home
})

/** What a linear node of a model itself makes of the identity: the rows of its weights [in, out]. */
async function ofIdentity(g: Graph, { node, input, modules }: LoraSite, half: boolean, weights: string) {
  const y = g.nodes.find(n => n.name === node)!.outputs[0]!
  const width = modules[0]!.in
  const cast = (from: string, to: string, dtype: 'float16' | 'float32'): Node => ({
    name: `cast.${to}`,
    op: 'Cast',
    inputs: [from],
    outputs: [to],
    attrs: { to: ONNX_DTYPE[dtype] },
  })
  const others = exactProducts(g).nodes.filter(n => !n.outputs.includes(input))
  const alone = prune({
    ...g,
    nodes: [cast('eye', input, half ? 'float16' : 'float32'), ...others, cast(y, 'W', 'float32')],
    inputs: ['eye'],
    outputs: ['W'],
    types: new Map([
      ...[...g.types].filter(([v]) => g.consts.has(v)),
      ['eye', { dtype: 'float32', dims: [width, width] }],
      ['W', { dtype: 'float32', dims: [width, modules.reduce((sum, m) => sum + m.out, 0)] }],
    ]),
  })
  const eye = new Float32Array(width * width)
  for (let i = 0; i < width; i++) eye[i * width + i] = 1
  return (await run<Float32Array>(alone, { eye: { dims: [width, width], data: eye } }, weights)).W!.data
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = []
  for await (const item of items) out.push(item)
  return out
}

const size = (data: ArrayLike<number>) => Math.sqrt(Array.from(data).reduce((sum, x) => sum + x * x, 0))

describe('base weights are what a linear node does to the identity', () => {
  test.each(TABLE.map(d => [`${d.name} ${d.dtype}`, d] as const))('%s', async (_, { name, dtype }) => {
    const g = exported(name, `${FILES[dtype]}.onnx`)
    const sites = findSites(g, name, architecture(name))
    const found = await all(baseWeights(g, sites, weightsOf(name)))
    // Every site of the first layer, and the last of all.
    const some = [...sites.filter(s => s.node.includes('.0/')), sites.at(-1)!]
    for (const site of some) {
      const wanted = await ofIdentity(g, site, dtype === 'fp16' || dtype === 'q4f16', weightsOf(name))
      const at = sites.slice(0, sites.indexOf(site)).reduce((n, s) => n + s.modules.length, 0)
      const parts = found.slice(at, at + site.modules.length)
      expect(parts.map(p => [p.module, ...p.dims])).toEqual(site.modules.map(m => [m.name, m.out, m.in]))
      const rows = parts.flatMap(p => [...p.data])
      const [into, out] = [site.modules[0]!.in, rows.length / site.modules[0]!.in]
      const whole = wanted.map((_, i) => rows[(i % out) * into + Math.floor(i / out)]!)
      // Half floats keep 11 bits; 1 as 255 steps of a byte is 1 to float32's 2⁻²⁴.
      expect(relativeError(whole, wanted)).toBeLessThan(dtype === 'q4f16' ? 1e-3 : 1e-6)
    }
    const modules = new Map<string, number>()
    for (const p of found) modules.set(p.module, (modules.get(p.module) ?? 0) + p.dims[0])
    expect([...modules]).toEqual(modulesIn(sites).map(m => [m.name, m.out]))
  })
})

describe('the norms of a base model', () => {
  const named = (name: string, fingerprint = '') => ({ name, fingerprint })

  test('are those of its weights, and are remembered by its fingerprint', async () => {
    const folder = fixture('tiny-phi3-genai')
    const norms = await findBaseNorms(named('anything'), folder)
    const g = exported('tiny-phi3-genai')
    const sites = findSites(g, 'phi3', 'phi3')
    const weights = await all(baseWeights(g, sites, weightsOf('tiny-phi3-genai')))
    // The graph holds gate and up apart; the module of the architecture is both.
    const both = weights.filter(w => w.module === 'model.layers.0.mlp.gate_up_proj').map(w => size(w.data))
    expect(both).toHaveLength(2)
    expect(norms.get('model.layers.0.mlp.gate_up_proj')).toBeCloseTo(Math.hypot(...both), 10)
    expect([...norms.keys()]).toEqual(modulesIn(sites).map(m => m.name))
    const whole = await findBaseWeights(named(''), 'model.layers.0.mlp.gate_up_proj', folder)
    expect([...whole.data]).toEqual(
      weights.flatMap(w => (w.module === 'model.layers.0.mlp.gate_up_proj' ? [...w.data] : [])),
    )
    expect(whole.dims).toEqual([128, 32])
    await expect(findBaseWeights(named(''), 'model.x', folder)).rejects.toThrow('has no module model.x')

    const [file] = readdirSync(join(home, 'base-norms')) as [string]
    const path = join(home, 'base-norms', file)
    writeFileSync(path, JSON.stringify({ 'model.layers.0.mlp.gate_up_proj': 42 }))
    const known = named('never/heard-of', file.replace('.json', ''))
    expect([...(await findBaseNorms(known))]).toEqual([['model.layers.0.mlp.gate_up_proj', 42]])
    writeFileSync(path, '{"x": "y"}')
    await expect(findBaseNorms(known)).rejects.toThrow('it is damaged; delete it')
  })

  test('are of the file whose fingerprint the adapter has', async () => {
    const folder = fixture('tiny-llama-genai')
    const first = await findBaseNorms(named(''), folder)
    const before = new Set(readdirSync(join(home, 'base-norms')))
    const copy = join(home, 'only-q4')
    cpSync(folder, copy, { recursive: true, filter: path => !path.endsWith('model.onnx') })
    const second = await findBaseNorms(named(''), copy)
    const q4 = readdirSync(join(home, 'base-norms')).find(f => !before.has(f))!
    expect([...second]).not.toEqual([...first])
    writeFileSync(join(home, 'base-norms', 'aside'), readFileSync(join(home, 'base-norms', q4)))
    expect(await findBaseNorms(named('', q4.replace('.json', '')), folder)).toEqual(second)
  })

  test.each<[string, ReturnType<typeof named>, string | undefined, string]>([
    ['is named nowhere', named(''), undefined, 'the adapter does not say which base model it is of'],
    ['was never here', named('owner/model'), undefined, 'the base model owner/model is not here'],
    ['is a path in an untrusted file', named(fixture('tiny-llama-genai')), undefined, 'is not here'],
    ['is one that climbs', named('../x', '../../../etc/passwd'), undefined, 'the base model ../x is not here'],
    ['is not in the folder given', named(''), home, 'is not here'],
    [
      'is another one',
      named('', 'f'.repeat(64)),
      fixture('tiny-llama-genai'),
      'its fingerprint is ffffffffffff, of none of fp32, q4 there',
    ],
  ])('fail with words where it %s', async (_, base, model, words) => {
    await expect(findBaseNorms(base, model)).rejects.toThrow(words)
  })
})
