import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/errors.js'
import { patternValue } from '../../src/lora/patterns.js'
import { targetTest } from '../../src/lora/targets.js'
import { processorTime } from '../helpers/measures.js'

/** What peft 0.21.2 decided; `npm run test:peft` asks it again. */
const { patterns, targets } = JSON.parse(readFileSync('test/peft/decisions.json', 'utf8')) as {
  patterns: { pattern: string[]; module: string; key: string | null }[]
  targets: { config: Parameters<typeof targetTest>[0]; module: string; targeted: boolean }[]
}

const Q = 'model.layers.0.self_attn.q_proj'
const valueFor = (keys: string[], module = Q) =>
  patternValue(Object.fromEntries(keys.map((key, i) => [key, i + 1])), module, 0)

describe('a pattern', () => {
  test.each(patterns)('%j', ({ pattern, module, key }) => {
    expect(valueFor(pattern, module)).toBe(key === null ? 0 : pattern.indexOf(key) + 1)
  })

  test.each([
    ['(?=a)b', 'invalid or unsupported Perl syntax'],
    ['(a)\\1', 'invalid escape sequence'],
    ['(', 'missing closing )'],
    ['a)(b', 'unexpected )'],
    ['(x{900}){900}', 'invalid repeat count'],
    ['(?:a*)'.repeat(900), '5400 characters; at most 5000 are read'],
  ])('%s is refused by name', (key, why) => {
    const shown = JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}…` : key)
    expect(() => valueFor(['k_proj', key])).toThrow(InputError)
    expect(() => valueFor(['k_proj', key])).toThrow(`adapter: pattern ${shown} cannot be used: `)
    expect(() => valueFor([key])).toThrow(why)
  })

  test('one on which a backtracking engine hangs is answered at once', () => {
    const ms = processorTime(() => expect(valueFor(['(a+)+$', '([a-z]+)*x'], `${'a'.repeat(400)}.q`)).toBe(0))
    // Backtracking would not end; this takes some ms.
    expect(ms).toBeLessThan(5000)
  })

  test('work is bounded, over all keys and modules', () => {
    const slow = { [`(${'a?'.repeat(2000)})${'a'.repeat(400)}`]: 1 }
    const modules = Array.from({ length: 200 }, (_, i) => 'a'.repeat(300) + i)
    expect(() => modules.map(m => patternValue(slow, m, 0))).toThrow(
      new InputError('adapter: its 1 patterns take too long to match'),
    )
  })

  test('a module that was asked for is remembered, so that using an adapter often costs nothing', () => {
    const pattern = { [`(${'a?'.repeat(2000)})q_proj`]: 5, '.*q_proj': 6 }
    expect(Array.from({ length: 10_000 }, () => patternValue(pattern, Q, 0)).every(v => v === 5)).toBe(true)
  })
})

describe('a target', () => {
  test.each(targets)('%j', ({ config, module, targeted }) => {
    expect(targetTest(config)(module)).toBe(targeted)
  })

  test('an expression with look-around fits every module that has tensors', () => {
    expect(targetTest({ target_modules: '(?!.*mlp).*_proj' })(Q)).toBe(true)
    expect(targetTest({ target_modules: ['q_proj'], exclude_modules: '(?=.*mlp).*' })(Q)).toBe(true)
  })

  test('an expression that is none is refused by name', () => {
    expect(() => targetTest({ target_modules: '(' })).toThrow('adapter: pattern "(" cannot be used: ')
  })
})
