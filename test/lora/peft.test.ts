import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { InputError, StorageError } from '../../src/errors.js'
import { type Adapter, identify } from '../../src/lora/adapter.js'
import { disk } from '../../src/lora/durable.js'
import { readPeft, writePeft } from '../../src/lora/peft.js'
import { writeSafetensors } from '../../src/lora/safetensors.js'
import { tensorName } from '../../src/rules/lora.js'
import { fixture } from '../helpers/fixtures.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peft-'))
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

const M = 'model.layers.0.self_attn.q_proj'
const [A, B] = [tensorName(M, 'A'), tensorName(M, 'B')]
const adapter = (seed = 1): Adapter => ({
  config: { r: 2, alpha: 4, rslora: true, rankPattern: { q_proj: 1 }, alphaPattern: { [M]: 3 } },
  tensors: new Map([
    [A, { dims: [1, 3], data: Float32Array.of(seed, 2, 3) }],
    [B, { dims: [2, 1], data: Float32Array.of(4, 5) }],
  ]),
})
const base = { name: 'some/model', fingerprint: 'abc' }

describe('writePeft and readPeft', () => {
  test('what is written is read, under a folder named by its content', () => {
    const { identifier, path } = writePeft(adapter(), folder, base)
    expect(identifier).toBe(identify(adapter()))
    expect(path).toBe(join(folder, identifier))
    expect(readPeft(path)).toEqual({ adapter: adapter(), base })
    expect(readdirSync(path).sort()).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors'])
  })

  test('the configuration says what PEFT needs to know', () => {
    const { path } = writePeft(adapter(), folder, base)
    expect(JSON.parse(readFileSync(join(path, 'adapter_config.json'), 'utf8'))).toMatchObject({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: 'some/model',
      r: 2,
      lora_alpha: 4,
      use_rslora: true,
      rank_pattern: { q_proj: 1 },
      alpha_pattern: { [M]: 3 },
      target_modules: [M],
      bias: 'none',
    })
  })

  test('the same adapter twice is one folder, written once; another is another', () => {
    const first = writePeft(adapter(), folder, base)
    const write = vi.spyOn(disk, 'writeSync')
    expect(writePeft(adapter(), folder, { name: 'elsewhere', fingerprint: '' })).toEqual(first)
    expect(write).not.toHaveBeenCalled()
    writePeft(adapter(2), folder, base)
    expect(readdirSync(folder)).toHaveLength(2)
  })

  test('two processes that write the same adapter at once both succeed, and leave one folder', () => {
    // The other process gets there just before our rename.
    const { renameSync } = disk
    vi.spyOn(disk, 'renameSync').mockImplementationOnce((from, to) => {
      writePeft(adapter(), folder, base)
      renameSync(from, to)
    })
    const { identifier, path } = writePeft(adapter(), folder, base)
    expect(readdirSync(folder)).toEqual([identifier])
    expect(readPeft(path).adapter).toEqual(adapter())
  })

  test.each<[string, number]>([
    ['weights', 1],
    ['configuration', 2],
    ['card', 3],
  ])('a full disk while writing the %s leaves nothing behind', (_, call) => {
    const { writeSync } = disk as { writeSync: (...args: unknown[]) => number }
    let calls = 0
    const write = vi.spyOn(disk as { writeSync: typeof writeSync }, 'writeSync').mockImplementation((...args) => {
      if (++calls === call) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
      return writeSync(...args)
    })
    expect(() => writePeft(adapter(), folder, base)).toThrow(
      new StorageError(
        `saving adapter ${identify(adapter()).slice(0, 12)} (1 modules) in ${folder}: ENOSPC: no space left on device, write`,
      ),
    )
    write.mockRestore()
    expect(readdirSync(folder)).toEqual([])
    expect(readPeft(writePeft(adapter(), folder, base).path).adapter).toEqual(adapter())
  })

  test('a place that is no folder is an error that names it', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(() => writePeft(adapter(), join(folder, 'file'), base)).toThrow(
      /^saving adapter [0-9a-f]{12} \(1 modules\) in .*file: ENOTDIR/,
    )
  })

  test.each(['tiny-llama-ref', 'tiny-qwen2-ref'])(
    "PEFT's own %s is read, and written again with the same tensors",
    name => {
      const { adapter, base } = readPeft(fixture(`${name}/adapter`))
      expect(adapter.tensors.size).toBe(28)
      expect(adapter.config).toEqual({ r: 4, alpha: 8, rslora: false, rankPattern: {}, alphaPattern: {} })
      expect(base).toEqual({ name: '', fingerprint: '' })
      expect(readPeft(writePeft(adapter, folder, base).path).adapter).toEqual(adapter)
    },
  )
})

describe('an adapter that cannot be used is refused by name', () => {
  /** The adapter above with these changes to its configuration and tensors. */
  function put(config: object | string, tensors: Adapter['tensors'] = adapter().tensors): string {
    const plain = { peft_type: 'LORA', r: 1, lora_alpha: 2 }
    writeFileSync(
      join(folder, 'adapter_config.json'),
      typeof config === 'string' ? config : JSON.stringify({ ...plain, ...config }),
    )
    writeFileSync(join(folder, 'adapter_model.safetensors'), writeSafetensors({ tensors, metadata: {} }))
    return folder
  }

  test.each<[string, object]>([
    ['use_dora: DoRA adapters (use_dora) are not B·A and cannot be used', { use_dora: true }],
    ['modules_to_save: modules_to_save replaces whole modules and cannot be used', { modules_to_save: ['lm_head'] }],
    ['bias: trained biases (bias) are not supported', { bias: 'all' }],
    ['lora_bias: trained biases (lora_bias) are not supported', { lora_bias: true }],
    ['fan_in_fan_out: fan_in_fan_out is not supported', { fan_in_fan_out: true }],
    ['peft_type: only peft_type LORA can be used', { peft_type: 'IA3' }],
    [
      'init_lora_weights: adapters whose initialisation alters the base model cannot be used',
      { init_lora_weights: 'pissa_niter_4' },
    ],
    [
      'alora_invocation_tokens: adapters that set alora_invocation_tokens are not plain B·A and cannot be used',
      { alora_invocation_tokens: [1] },
    ],
    ['layer_replication: adapters that set layer_replication are not', { layer_replication: [[0, 2]] }],
    ['trainable_token_indices: adapters that set trainable_token_indices are not', { trainable_token_indices: [5] }],
    ['use_qalora: adapters that set use_qalora are not', { use_qalora: true }],
    ['r: ', { r: 0 }],
    ['r: ', { r: 1.5 }],
    ['lora_alpha: ', { lora_alpha: -1 }],
    ['lora_alpha: ', { lora_alpha: '16' }],
    ['rank_pattern.q_proj: ', { rank_pattern: { q_proj: 0 } }],
    ['alpha_pattern: ', { alpha_pattern: [1] }],
  ])('%s', (message, config) => {
    put(config)
    expect(() => readPeft(folder)).toThrow(InputError)
    expect(() => readPeft(folder)).toThrow(`reading adapter ${join(folder, 'adapter_config.json')}: ${message}`)
  })

  const one = (name: string, dims: number[]) =>
    [name, { dims, data: new Float32Array(dims.reduce((n, d) => n * d, 1)) }] as const
  test.each<[string, object, Adapter['tensors']]>([
    [`module ${M} has lora_A alone`, {}, new Map([one(A, [1, 3])])],
    [`module ${M} has lora_B alone`, {}, new Map([one(B, [2, 1])])],
    [`tensor ${A} is [2,3], the configuration says rank 1`, {}, new Map([one(A, [2, 3]), one(B, [2, 2])])],
    [`tensor ${B} is [2,2], the configuration says rank 1`, {}, new Map([one(A, [1, 3]), one(B, [2, 2])])],
    [`tensor ${A} is [1,3], the configuration says rank 8`, { rank_pattern: { q_proj: 8 } }, adapter().tensors],
    [`tensor ${A} is [3], the configuration says rank 1`, {}, new Map([one(A, [3]), one(B, [2, 1])])],
    ['it holds no tensors', {}, new Map()],
    [
      `tensor base_model.model.${M}.lora_magnitude_vector is not a LoRA factor`,
      {},
      new Map([one(`base_model.model.${M}.lora_magnitude_vector`, [2])]),
    ],
    [
      'tensor lm_head.weight is not a LoRA factor (base_model.model.<module>.lora_A.weight or lora_B.weight)',
      {},
      new Map([one('lm_head.weight', [2])]),
    ],
  ])('%s', (message, config, tensors) => {
    put(config, tensors)
    expect(() => readPeft(folder)).toThrow(InputError)
    expect(() => readPeft(folder)).toThrow(`reading adapter ${join(folder, 'adapter_model.safetensors')}: ${message}`)
  })

  test('a missing file, and one that is no JSON', () => {
    expect(() => readPeft(folder)).toThrow(/^reading adapter .*adapter_config.json: ENOENT/)
    put('{')
    expect(() => readPeft(folder)).toThrow(/adapter_config.json: no JSON: /)
    put({})
    rmSync(join(folder, 'adapter_model.safetensors'))
    expect(() => readPeft(folder)).toThrow(/^reading adapter .*adapter_model.safetensors: ENOENT/)
  })

  test('whatever the configuration holds, the answer is an adapter or an InputError', () => {
    const field = fc.constantFrom(
      'r',
      'lora_alpha',
      'rank_pattern',
      'alpha_pattern',
      'use_dora',
      'bias',
      'peft_type',
      'init_lora_weights',
      'base_model_name_or_path',
      '__proto__',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.dictionary(field, fc.jsonValue()).map(o => JSON.stringify({ r: 1, lora_alpha: 2, ...o })),
        ),
        text => {
          put(text)
          try {
            readPeft(folder)
          } catch (error) {
            expect(error).toBeInstanceOf(InputError)
          }
        },
      ),
      { numRuns: 150 },
    )
  })
})
