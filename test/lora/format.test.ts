import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import type { Adapter } from '../../src/lora/adapter.js'
import { adapterCard, VERSION } from '../../src/lora/card.js'
import { baseMismatch, decodePeft, encodePeft } from '../../src/lora/format.js'
import { sha256 } from '../../src/lora/sha256.js'
import { tensorName } from '../../src/rules/lora.js'

const Q = 'model.layers.0.self_attn.q_proj'
const adapter = (modules = [Q]): Adapter => ({
  config: { r: 1, alpha: 2, rslora: false, rankPattern: {}, alphaPattern: {} },
  tensors: new Map(
    modules.flatMap(m => [
      [tensorName(m, 'A'), { dims: [1, 3], data: Float32Array.of(0, 1, 2) }],
      [tensorName(m, 'B'), { dims: [2, 1], data: Float32Array.of(3, 4) }],
    ]),
  ),
})
const base = { name: 'owner/model', fingerprint: '' }

/** The adapter's files with these changes to its configuration. */
function files(config: object, modules?: string[]): Map<string, Uint8Array> {
  const encoded = encodePeft(adapter(modules), base)
  const plain = JSON.parse(new TextDecoder().decode(encoded.get('adapter_config.json')))
  return encoded.set('adapter_config.json', new TextEncoder().encode(JSON.stringify({ ...plain, ...config })))
}

describe('an adapter as bytes', () => {
  test('is read as it was written', () => {
    expect(decodePeft(encodePeft(adapter(), base), 'here')).toEqual({ adapter: adapter(), base })
  })

  test('a file that is missing', () => {
    const some = new Map([...files({})].slice(1))
    expect(() => decodePeft(some, 'here')).toThrow(
      new InputError('reading adapter here: there is no adapter_model.safetensors'),
    )
  })

  test.each([
    { target_modules: ['q_proj'] },
    { target_modules: '.*q_proj' },
    { target_modules: 'all-linear' },
    { target_modules: null },
    { target_modules: ['q_proj'], layers_to_transform: 0 },
    { target_modules: ['q_proj'], layers_to_transform: [0, 3], layers_pattern: 'layers' },
    { exclude_modules: ['k_proj'] },
  ])('every form of targets: %j', config => {
    expect(decodePeft(files(config), 'here').adapter).toEqual(adapter())
  })

  test.each([
    { target_modules: ['k_proj'] },
    { target_modules: [] },
    { target_modules: '.*k_proj' },
    { exclude_modules: '.*q_proj' },
    { target_modules: ['q_proj'], layers_to_transform: [1] },
  ])('tensors that PEFT would ignore: %j', config => {
    expect(() => decodePeft(files(config), 'here')).toThrow(
      new InputError(
        `reading adapter here/adapter_model.safetensors: it has tensors for module ${Q}, which the configuration does not target; PEFT would ignore them`,
      ),
    )
  })
})

describe('the base model', () => {
  test.each([
    [
      { name: 'a', fingerprint: 'f' },
      { name: 'b', fingerprint: 'f' },
    ],
    [
      { name: '', fingerprint: '' },
      { name: 'b', fingerprint: 'f' },
    ],
    [
      { name: 'meta/Llama-3', fingerprint: '' },
      { name: 'community/llama-3-ONNX', fingerprint: 'f' },
    ],
    [
      { name: 'C:\\models\\llama', fingerprint: '' },
      { name: 'llama', fingerprint: 'f' },
    ],
  ])('%j is %j', (one, other) => {
    expect(baseMismatch(one, other)).toBeUndefined()
  })

  test.each([
    [{ name: 'a', fingerprint: 'f' }, { name: 'a', fingerprint: 'e' }, 'another base model (a, f) than a (e)'],
    [
      { name: 'x/b\u001b[1m', fingerprint: '' },
      { name: 'a', fingerprint: 'e' },
      '(x/b [1m, no fingerprint) than a (e)',
    ],
  ])('%j is not %j', (one, other, message) => {
    expect(baseMismatch(one, other)).toContain(message)
  })
})

describe('the card', () => {
  test('says what was trained, how, and on what', () => {
    expect(
      adapterCard(adapter([Q, 'model.layers.1.mlp.up_proj']), 'owner/model', { steps: 3, 'learning rate': 3e-4 }),
    ).toMatchInlineSnapshot(`
      "---
      base_model: "owner/model"
      library_name: peft
      pipeline_tag: text-generation
      tags:
      - lora
      - lora-harness
      ---

      # LoRA adapter

      Made with lora-harness 0.1.0, in ONNX Runtime; PEFT loads it too.

      | setting | value |
      | --- | --- |
      | base model | owner/model |
      | rank r | 1 |
      | alpha | 2 |
      | scale | 2.000 |
      | modules | 2 &#40;q&#95;proj, up&#95;proj&#41; |
      | parameters | 10 |
      | steps | 3 |
      | learning rate | 0.0003 |

      \`\`\`python
      model = PeftModel.from_pretrained(base_model, "<this folder>")
      \`\`\`

      \`\`\`ts
      const lora = await LoRAHandle.fromPeft('<this folder>')
      \`\`\`
      "
    `)
  })

  test('names the version of this package', () => {
    expect(VERSION).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version)
  })

  test('whatever its base model and settings are called, the card has the same lines and no markup of theirs', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        '---\nbase_model: evil',
        '"\n# title',
        '<script>',
        '[a](http://b)',
        '`x`',
        '|',
        '![a](b)',
        '\u2028#',
      ),
    )
    const shape = (card: string) => card.replace(/^\| .*$/gm, '|')
    const plain = shape(adapterCard(adapter(), 'plain', { a: 'b' }))
    fc.assert(
      fc.property(text, text, text, (name, key, value) => {
        const card = adapterCard(adapter(), name, { [key]: value })
        expect(shape(card)).toBe(plain)
        const rows = card.match(/^\| .*$/gm)!
        expect(rows).toHaveLength(9)
        for (const row of rows) {
          // Three bars that bound the cells; entities are the only thing that & begins.
          expect(row.match(/\|/g)).toHaveLength(3)
          expect(row.replace(/&#\d+;/g, '').replace(/^\| | \| | \|$/g, '')).not.toMatch(/[<>&`[\]*_\\\p{C}]/u)
        }
      }),
    )
  })
})

test('the hash is the same in Node and elsewhere', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array())), parts => {
      expect(sha256(parts, null)).toBe(sha256(parts))
    }),
  )
})
