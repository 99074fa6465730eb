import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { type Adapter, identify, ranksOf, requireFit, scaleOf } from '../../src/lora/adapter.js'
import { LoRAHandle, skip } from '../../src/lora/handle.js'
import { findSites, selectModules } from '../../src/lora/modules.js'
import { readPeft } from '../../src/lora/peft.js'
import { FILES } from '../../src/models/dtypes.js'
import { modulesIn, tensorName } from '../../src/rules/lora.js'
import { architecture, exported, fixture, TABLE } from '../helpers/fixtures.js'

const Q = 'model.layers.0.self_attn.q_proj'
const O = 'model.layers.0.self_attn.o_proj'

const adapter = (): Adapter => ({
  config: { r: 1, alpha: 2, rslora: false, rankPattern: {}, alphaPattern: {} },
  tensors: new Map(
    [Q, O].flatMap((m, i) => [
      [tensorName(m, 'A'), { dims: [1, 3], data: Float32Array.of(i, 1, 2) }],
      [tensorName(m, 'B'), { dims: [2, 1], data: Float32Array.of(3, i) }],
    ]),
  ),
})

describe('the identity of an adapter', () => {
  test('does not depend on the order of its tensors', () => {
    const a = adapter()
    expect(identify({ ...a, tensors: new Map([...a.tensors].reverse()) })).toBe(identify(a))
    expect(identify(a)).toMatch(/^[0-9a-f]{64}$/)
  })

  test('changes with every bit of every tensor', () => {
    const before = identify(adapter())
    fc.assert(
      fc.property(fc.constantFrom(...adapter().tensors.keys()), fc.nat(), fc.nat(31), (name, i, bit) => {
        const a = adapter()
        const { data } = a.tensors.get(name)!
        new Uint32Array(data.buffer)[i % data.length]! ^= 2 ** bit
        expect(identify(a)).not.toBe(before)
      }),
    )
  })

  test.each<[string, (a: Adapter) => void]>([
    ['rank', a => (a.config.r = 2)],
    ['alpha', a => (a.config.alpha = 3)],
    ['rsLoRA', a => (a.config.rslora = true)],
    ['rank pattern', a => (a.config.rankPattern = { q_proj: 1 })],
    ['alpha pattern', a => (a.config.alphaPattern = { q_proj: 1 })],
    ['value of a pattern', a => (a.config.alphaPattern = { q_proj: 2 })],
    ['shape of a tensor', a => a.tensors.set(tensorName(Q, 'A'), { dims: [3, 1], data: Float32Array.of(0, 1, 2) })],
    [
      'name of a tensor',
      a =>
        a.tensors.delete(tensorName(O, 'B')) &&
        a.tensors.set(tensorName(`${O}2`, 'B'), { dims: [2, 1], data: Float32Array.of(3, 1) }),
    ],
  ])('changes with the %s', (_, change) => {
    const a = adapter()
    change(a)
    expect(identify(a)).not.toBe(identify(adapter()))
  })

  test('differs between the two orders of a pattern, for the first key that fits decides', () => {
    const [one, two] = [adapter(), adapter()]
    one.config.alphaPattern = { q_proj: 1, [Q]: 2 }
    two.config.alphaPattern = { [Q]: 2, q_proj: 1 }
    expect(scaleOf(one.config, Q)).not.toBe(scaleOf(two.config, Q))
    expect(identify(one)).not.toBe(identify(two))
  })
})

describe('the scale', () => {
  test('is α/r, or α/√r with rsLoRA, with the exceptions of both patterns', () => {
    const config = { r: 4, alpha: 8, rslora: false, rankPattern: { o_proj: 16 }, alphaPattern: { o_proj: 2 } }
    expect([scaleOf(config, Q), scaleOf(config, O)]).toEqual([2, 0.125])
    expect([Q, O].map(m => scaleOf({ ...config, rslora: true }, m))).toEqual([4, 0.5])
  })
})

describe('fitting a model', () => {
  const sites = findSites(exported('tiny-llama-genai'), 'tiny-llama')
  const modules = sites.flatMap(s => s.modules)

  test('an adapter of this model fits', () => {
    expect(() => requireFit(readPeft(fixture('tiny-llama-ref/adapter')).adapter, modules, 'tiny-llama')).not.toThrow()
  })

  test('other sizes: names module, found and expected', () => {
    expect(() => requireFit(adapter(), modules, 'tiny-llama')).toThrow(
      new InputError(`adapter of another model: module ${Q} maps 3 to 2, in tiny-llama it maps 64 to 64`),
    )
  })

  test('a module that the model does not have: names those that are most like it', () => {
    const a = adapter()
    const rename = (m: string) => new Map([...a.tensors].map(([name, t]) => [name.replace(Q, m), t]))
    expect(() => requireFit({ ...a, tensors: rename('transformer.h.0.q_proj') }, modules, 'tiny-llama')).toThrow(
      'adapter of another model: it has module transformer.h.0.q_proj, tiny-llama has model.layers.0.self_attn.q_proj, model.layers.1.self_attn.q_proj, … (14 in all)',
    )
    expect(() => requireFit({ ...a, tensors: rename('h.0.c_attn') }, modules, 'tiny-llama')).toThrow(
      'it has module h.0.c_attn, tiny-llama has model.layers.0.self_attn.q_proj, model.layers.0.self_attn.k_proj, ',
    )
  })

  test.each(TABLE)('$name $dtype: every module has the name, and the sizes, that PEFT gives it', decoder => {
    const { name, reference, dtype } = decoder
    const { adapter } = readPeft(fixture(`${reference}/adapter`))
    const found = modulesIn(findSites(exported(name, `${FILES[dtype]}.onnx`), name, architecture(name)))
    expect(new Set(found.map(m => m.name))).toEqual(new Set(ranksOf(adapter).keys()))
    expect(() => requireFit(adapter, found, name)).not.toThrow()
  })
})

describe('target modules', () => {
  const sites = findSites(exported('tiny-llama-genai'), 'tiny-llama')

  test('a last part means it in every layer, a full name just one, nothing means all', () => {
    expect(selectModules(sites, ['q_proj', 'model.layers.1.mlp.up_proj']).map(m => m.name)).toEqual([
      'model.layers.0.self_attn.q_proj',
      'model.layers.1.self_attn.q_proj',
      'model.layers.1.mlp.up_proj',
    ])
    expect(selectModules(sites, undefined)).toHaveLength(14)
  })

  const all = 'the model has q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj'
  test.each<[string, string[]]>([
    [`targetModules: no module is named "query"; ${all}`, ['q_proj', 'query']],
    [`targetModules: no module is named "proj"; ${all}`, ['proj']],
    [`targetModules: the list is empty; ${all}`, []],
  ])('%s', (message, targets) => {
    expect(() => selectModules(sites, targets)).toThrow(new InputError(message))
  })
})

test('a handle names an adapter and cannot be changed', () => {
  const handle = new LoRAHandle({ identifier: 'a' })
  expect({ ...handle }).toEqual({ identifier: 'a', metadata: {} })
  expect(() => Object.assign(handle, { identifier: 'b' })).toThrow(TypeError)
  expect(() => new LoRAHandle({ identifier: '' })).toThrow(
    'LoRAHandle: identifier must be a non-empty string, found ""',
  )
  expect(skip('nothing to learn').reason).toBe('nothing to learn')
})
