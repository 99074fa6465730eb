import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Diff, diffText } from '../../src/cli/diff-text.js'
import { LoRAHarness } from '../../src/harness/index.js'
import type { Adapter } from '../../src/lora/adapter.js'
import { compareAdapters } from '../../src/lora/analysis/compare.js'
import { adapterFolder } from '../../src/lora/folder.js'
import { LoRAHandle, skip } from '../../src/lora/handle.js'
import { writePeft } from '../../src/lora/peft.js'
import { findAdapter, lineageOf } from '../../src/record/adapter-ref.js'
import { createRun } from '../../src/record/open.js'
import { tensorName } from '../../src/rules/lora.js'
import { ask, collect } from '../harness/toy.js'
import { randomAdapter, type Sizes, SMOLLM2_MODULES } from '../helpers/adapters.js'
import { cli, workFolder } from './cli.js'

const BASE = { name: 'tiny', fingerprint: 'f'.repeat(64) }
const folder = workFolder()

const side = (text: string) => ({ text, identifier: 'a'.repeat(64), r: 2, base: 'tiny' })
const shown = (a: Adapter, b: Adapter, more: Partial<Diff> = {}, most: number | 'all' = 10) =>
  diffText(
    {
      a: side('x'),
      b: side('y'),
      sameBase: true,
      comparison: compareAdapters(a, b),
      base: { why: 'it is away' },
      path: null,
      ...more,
    },
    most,
  )

/** Two layers of two kinds, in the first layer only one. */
const SIZES: Record<string, Sizes> = Object.fromEntries(
  ['0.attn.q', '1.attn.q', '1.mlp.up'].map(name => [`model.layers.${name}`, { m: 6, n: 5, r: 2 }]),
)
const adapter = (seed: number) => randomAdapter(SIZES, seed)

/** One module of `a` multiplied; B times a power of two is exact. */
function scaled(a: Adapter, factor: number, module?: string): Adapter {
  const own = (name: string) => name.endsWith('lora_B.weight') && (!module || name === tensorName(module, 'B'))
  const tensors = [...a.tensors].map(
    ([name, t]) => [name, own(name) ? { ...t, data: t.data.map(x => factor * x) } : t] as const,
  )
  return { ...a, tensors: new Map(tensors) }
}

describe('diffText', () => {
  test('where the change is: one module doubled is one bar, and the only line with a number', () => {
    const a = adapter(1)
    const text = shown(a, scaled(a, 2, 'model.layers.1.attn.q'))
    expect(text).toMatch(/^q +\[ █\] +\S+$/m)
    expect(text).toMatch(/^up +\[· \] +0$/m)
    expect(text).toMatch(/^model\.layers\.1\.attn\.q +(\S+) +\1 +\S+ +1\.000 +\d\.\d +\d\.\d of 4$/m)
    expect(text).toMatch(/^model\.layers\.1\.mlp\.up +0 +(\S+) +\1 +1\.000 +– +– of 4$/m)
    expect(text).toContain('3 modules in both, 2 of them unchanged.')
    expect(text).toContain('No sizes relative to the base model: it is away.')
  })

  test('the whole, in parts of A and of the base weights', () => {
    const a = adapter(1)
    const norms = Object.fromEntries(Object.keys(SIZES).map(name => [name, 100]))
    const b = scaled(a, -2)
    const text = shown(a, b, { base: { norms } })
    const size = compareAdapters(a, b).norms.a
    // Three digits are shown.
    const digits = (x: number) => x.toPrecision(3).replaceAll('.', '\\.')
    expect(text).toMatch(new RegExp(`^norm +${[1, 2, 3].map(x => digits(x * size)).join(' +')}$`, 'm'))
    const parts = [1, 2, 3].map(x => `${digits((100 * x * size) / Math.hypot(100, 100, 100))} %`)
    expect(text).toMatch(new RegExp(`^of base weights +${parts.join(' +')}$`, 'm'))
    expect(text).toMatch(/^of A's norm +200 % +300 %$/m)
    expect(text).toMatch(/^cosine with A +−1\.000$/m)
  })

  test('modules of one alone are counted and named', () => {
    const other = randomAdapter(
      { 'model.layers.0.attn.q': SIZES['model.layers.0.attn.q']!, extra: { m: 2, n: 2, r: 2 } },
      2,
    )
    const text = shown(adapter(1), other, { sameBase: false })
    expect(text).toContain('2 only in A, zero in B: model.layers.1.attn.q, model.layers.1.mlp.up.')
    expect(text).toContain('1 only in B, zero in A: extra.')
    expect(text).toContain('A and B were trained on different base models')
  })

  test('a fresh adapter has no cosine and no ranks', () => {
    const text = shown(scaled(adapter(1), 0), adapter(2))
    expect(text).toMatch(/^of A's norm +– +–$/m)
    expect(text).toMatch(/^model\.layers\.0\.attn\.q +\S+ +0 +\S+ +– /m)
  })

  test('fits on a screen with 210 modules', () => {
    const [a, b] = [randomAdapter(SMOLLM2_MODULES, 1), randomAdapter(SMOLLM2_MODULES, 2)]
    const lines = shown(a, b).split('\n')
    expect(lines.length).toBeLessThan(45)
    expect(Math.max(...lines.map(line => line.length))).toBeLessThan(121)
    expect(lines).toContain('(200 more with --modules all)')
    expect(shown(a, b, {}, 'all').split('\n').length).toBeGreaterThan(210)
  })

  test('names in an adapter are harmless', () => {
    const nasty = 'layers.0.\u001b[2Jevil\r\u202e'
    const a = randomAdapter({ [nasty]: { m: 3, n: 3, r: 1 }, [`${nasty}2`]: { m: 3, n: 3, r: 1 } }, 1)
    const b = randomAdapter({ [nasty]: { m: 3, n: 3, r: 1 } }, 2)
    const text = shown(a, b, { a: { ...side(nasty), base: nasty } })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f\u202e]/)
    expect(text).toContain('evil')
  })
})

describe('lora-harness diff', () => {
  const examples = [0, 1, 2, 3].map(i => ask(i, `question ${i}`, 'yes', 'chat'))

  beforeAll(async () => {
    const recorder = await createRun(join(folder, 'run'))
    const harness = new LoRAHarness({
      exampleSource: examples,
      recorder,
      retrieveLoraFn: ({ chatId }, { store }) => store.getLast(chatId),
      inferenceFn: () => 'yes',
      // Twice as much with each example, but for the third, which learns nothing.
      finetuneFn: ({ testIdx }) => {
        if (testIdx === 2) return skip('known')
        return new LoRAHandle(writePeft(scaled(adapter(1), 2 ** Number(testIdx)), adapterFolder(), BASE))
      },
    })
    await collect(harness.run())
    recorder.close()
  })
  const peft = (made: Adapter) => writePeft(made, join(folder, 'peft'), BASE).path

  test('two PEFT folders, as text and as JSON', async () => {
    const [a, b] = [peft(adapter(1)), peft(adapter(2))]
    const { code, output } = await cli(['diff', a, b, '--modules', '1'], folder)
    expect(output).toContain('(2 more with --modules all)')
    expect(output.replaceAll(/\s+/g, ' ')).toContain('the base model tiny is not here')
    expect(code).toBe(0)
    const json = await cli(['diff', a, b, '--json'], folder)
    const { comparison, path } = JSON.parse(json.output) as Diff
    expect(comparison).toEqual(compareAdapters(adapter(1), adapter(2)))
    expect(path).toBeNull()
  })

  test('two examples of a run, with the way from one to the other', async () => {
    const { code, output } = await cli(['diff', 'run#0', 'run@main'], folder)
    expect(output).toMatch(/^of A's norm +800 % +700 %$/m)
    // 1 → 2 → 8 times the same update.
    expect(output).toMatch(/From A to B in 2 updates: (\S+) of way for \1 of distance, directness 1\.00 \(1 is/)
    expect(code).toBe(0)
  })

  test.each([
    ['a missing folder', ['nowhere', 'run'], /finding adapter nowhere: there is no such folder/],
    ['an example that there is not', ['run#0', 'run#9'], /finding adapter "run#9": the branch has no example 9/],
    ['no module in common', ['run', 'PEFT'], /they have no module in common/],
    ['a base model that is not here', ['run#0', 'run', '--base', 'x'], /the base model x is not here/],
    ['no number', ['run#0', 'run', '--modules', 'few'], /It must be a whole number, 1 or more/],
  ])('%s is bad input', async (_, args, message) => {
    const other = peft(randomAdapter({ z: { m: 2, n: 2, r: 1 } }, 1))
    const { code, output } = await cli(['diff', ...args.map(arg => (arg === 'PEFT' ? other : arg))], folder)
    expect(output).toMatch(message)
    expect(code).toBe(2)
  })

  test('a reference means the update of an example, or what it was answered with', () => {
    const at = (ref: string) => findAdapter(join(folder, ref))
    expect(at('run#2')).toEqual(at('run#1'))
    expect(at('run@main#3')).toEqual(at('run'))
    expect(lineageOf(at('run#0'), at('run'))!.map(place => place.path)).toEqual(
      ['run#0', 'run#1', 'run#3'].map(ref => at(ref).path),
    )
    expect(lineageOf(at('run'), at('run#0'))).toBeUndefined()
    expect(lineageOf({ path: at('run#0').path }, at('run'))).toBeUndefined()
  })
})
