import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { nullTranslator } from '@jupyterlab/translation'
import { build } from 'esbuild'
import { strToU8, unzipSync, zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LoRAHandle } from '../../src/lora/handle.js'
import { writePeft } from '../../src/lora/peft.js'
import { zipRun } from '../../src/record/archive.js'
import { openRun, readRun } from '../../src/record/open.js'
import { readPair, readPath } from '../../src/report/adapters.js'
import { numbered, toy } from '../../test/harness/toy.js'
import { randomAdapter } from '../../test/helpers/adapters.js'
import { noticesOf } from '../src/model/notices.js'
import { FIRST_VIEW } from '../src/model/view.js'
import { openArchive } from '../src/sources/archive.js'

const home = mkdtempSync(join(tmpdir(), 'archive-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))
const sizes = {
  'model.layers.0.self_attn.q_proj': { m: 6, n: 5, r: 2 },
  'model.layers.1.mlp.up_proj': { m: 7, n: 5, r: 2 },
}
const folder = join(home, 'run')
let zip: Uint8Array
let record: ReturnType<typeof readRun>

beforeAll(async () => {
  let seed = 0
  const options = {
    ...{ ...toy, exampleSource: () => numbered(6) },
    inferenceFn: () => 'an answer',
    finetuneFn: () =>
      new LoRAHandle(writePeft(randomAdapter(sizes, ++seed), join(home, 'made'), { name: '', fingerprint: '' })),
  }
  const harness = await openRun(folder, options)
  for (let i = 0; i < 4; i++) await harness.step()
  harness.rewind(2, 'again')
  harness.finetuneFn = () => null
  await harness.step()
  harness.recorder.note({ type: 'annotation', branch: 'main', index: 1, time: 't', tags: ['odd'], note: 'look' })
  harness.recorder.end('finished')
  harness.recorder.close()
  await zipRun(folder, async stream => {
    zip = new Uint8Array(await buffer(stream))
  })
  record = readRun(folder)
})
afterAll(() => record.close())

describe('an exported run', () => {
  test('is what was recorded, without its kernel and its database', async () => {
    const source = await openArchive(zip, 'people.zip')
    const { store } = source
    expect(store.connection).toEqual({ kind: 'stored', what: 'people.zip' })
    expect(store.state).toMatchObject({ runId: record.info.runId, status: 'finished', branch: 'again', index: 3 })
    expect(store.branches).toEqual(record.branches)
    for (const { name } of record.branches) expect(store.line(name)).toEqual(record.timeline(name))
    expect(store.events).toEqual(record.events())
    expect(store.annotation('main', 1)).toMatchObject({ tags: ['odd'] })
    for (const branch of ['main', 'again'])
      for (const [index, step] of record.steps(branch).entries()) {
        const { branch: own, ...rest } = await source.ask({ type: 'example', branch, index })
        const { branch: _, ...recorded } = step
        expect(rest).toEqual(recorded)
        expect(own).toBe(index < 2 ? 'main' : branch)
      }
    const { finetuneFn } = store.line('again')[2]!
    expect(await source.ask({ type: 'callables', hash: finetuneFn })).toEqual(record.callable(finetuneFn))
    await expect(source.ask({ type: 'example', branch: 'again', index: 5 })).rejects.toThrow('has no example 5')
  })

  test('its adapters are computed in the page as in the kernel', async () => {
    const source = await openArchive(zip, 'people.zip')
    const [a, b] = record.adapters().map(({ identifier }) => identifier)
    const here = await source.ask({ type: 'adapters', a: a!, b: b! })
    const { baseWhy: _, ...there } = await readPair(record, a!, b!)
    expect(here).toMatchObject(there)
    expect(here.baseWhy).toContain('not in the file')
    const path = await source.ask({ type: 'path', branch: 'main' })
    expect(path).toEqual(await readPath(record, 'main', record.steps('main')))
    expect(path).toMatchObject({ updates: 4, branches: { names: ['main', 'again'] } })
    expect((await source.ask({ type: 'lineage' })).adapters.map(({ identifier }) => identifier)).toEqual(
      record.adapters().map(({ identifier }) => identifier),
    )
  })

  test('what would change it is refused in words', async () => {
    const source = await openArchive(zip, 'people.zip')
    for (const type of ['pause', 'resume', 'step', 'stop', 'rewind', 'fork', 'annotate'] as const)
      expect(source.cannot(type)).toContain('shown from a file')
    for (const type of ['example', 'adapters', 'path', 'lineage', 'callables'] as const)
      expect(source.cannot(type)).toBeNull()
    await expect(source.ask({ type: 'step' })).rejects.toThrow('shown from a file')
  })
})

describe('a file that is none', () => {
  const changed = (change: (files: Record<string, Uint8Array>) => void) => {
    const files = unzipSync(zip)
    change(files)
    return zipSync(files)
  }
  const run = (files: Record<string, Uint8Array>) => JSON.parse(new TextDecoder().decode(files['run/panel/run.json']))
  /** Says another size of an entry in the list at the end. */
  const lying = (name: string, size: number) => {
    const bytes = changed(() => {})
    const view = new DataView(bytes.buffer)
    for (let at = 0; at < bytes.length - 46; at++)
      if (view.getUint32(at, true) === 0x02014b50) {
        const found = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + view.getUint16(at + 28, true)))
        if (found === name) view.setUint32(at + 24, size, true)
      }
    return bytes
  }
  test.each<[string, () => Uint8Array, string]>([
    ['no zip file', () => strToU8('PK no'), 'invalid zip data'],
    ['nothing', () => new Uint8Array(), 'invalid zip data'],
    ['another zip file', () => zipSync({ 'a/b.txt': strToU8('x') }), 'it is no run'],
    ['one of before', () => changed(files => void delete files['run/panel/run.json']), 'older version'],
    [
      'no steps',
      () => changed(files => void delete files['run/panel/steps.jsonl']),
      'there is no run/panel/steps.jsonl',
    ],
    ['no JSON', () => changed(files => files['run/panel/run.json']!.fill(123)), 'panel/run.json is damaged'],
    [
      'branches in a circle',
      () =>
        changed(files => {
          const branches = [{ name: 'main', parent: 'main', at: 0, skipUpdates: [] }]
          files['run/panel/run.json'] = strToU8(JSON.stringify({ ...run(files), branches }))
        }),
      'a branch comes before the one it left',
    ],
    [
      'a step missing',
      () =>
        changed(files => {
          const lines = new TextDecoder().decode(files['run/panel/steps.jsonl']).split('\n')
          files['run/panel/steps.jsonl'] = strToU8(lines.slice(1).join('\n'))
        }),
      'line 1: step 1 of branch main is out of place',
    ],
    ['a bomb: it says its size', () => lying('run/panel/run.json', 100_000_001), 'at most 100000000 are read'],
    ['a bomb: it does not', () => lying('run/panel/run.json', 20), 'panel/run.json is damaged'],
    ['a size that is not its own', () => lying('run/panel/run.json', 1_000_000), 'panel/run.json is damaged'],
  ])('%s', async (_, bytes, why) => {
    await expect(openArchive(bytes(), 'odd.zip')).rejects.toThrow(/^odd\.zip cannot be shown: /)
    await expect(openArchive(bytes(), 'odd.zip')).rejects.toThrow(why)
  })

  test('one of another format: what fits is shown without pictures of adapters, the rest is refused by its version', async () => {
    const files = unzipSync(zip)
    const top = Object.keys(files).find(name => name.endsWith('panel/run.json'))!
    const run = JSON.parse(new TextDecoder().decode(files[top]))
    const as = (about: object) => zipSync({ ...files, [top]: strToU8(JSON.stringify({ ...run, ...about })) })
    const old = await openArchive(as({ v: '0.3' }), 'old.zip')
    expect(old.store.connection).toEqual({ kind: 'stored', what: 'old.zip', version: '0.3' })
    expect(old.store.line('main')).toEqual(record.timeline('main'))
    expect([old.cannot('example'), typeof old.cannot('adapters')]).toEqual([null, 'string'])
    expect(noticesOf(old, FIRST_VIEW, 0, nullTranslator.load('')).map(({ text }) => text)).toEqual([
      'Written in format version 0.3; metrics are shown, adapter pictures are not. Export it again to see all.',
    ])
    await expect(openArchive(as({ v: 2, branches: undefined }), 'new.zip')).rejects.toThrow(
      'new.zip cannot be shown: it was written in format version 2, which this panel cannot read: export it again',
    )
  })

  test('an adapter whose file is not there, or is damaged', async () => {
    const [a] = record.adapters()
    const without = await openArchive(
      changed(files => {
        for (const name of Object.keys(files)) if (name.includes(a!.folder!)) delete files[name]
      }),
      'x.zip',
    )
    await expect(without.ask({ type: 'adapters', a: null, b: a!.identifier })).rejects.toThrow('there is no')
    const damaged = await openArchive(
      changed(files => {
        files[`run/adapters/${a!.folder}/adapter_model.safetensors`]!.fill(255, 0, 8)
      }),
      'x.zip',
    )
    await expect(damaged.ask({ type: 'adapters', a: null, b: a!.identifier })).rejects.toThrow('the header is said')
  })
})

test('all of it bundles for a browser', async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [new URL('../src/sources/archive.ts', import.meta.url).pathname],
    ...{ bundle: true, splitting: true, minify: true, format: 'esm', platform: 'browser', target: 'es2022' },
    ...{ write: false, metafile: true, outdir: 'out', logLevel: 'silent', tsconfigRaw: {} },
    alias: {
      'lora-harness/analysis': new URL('../../src/analysis.ts', import.meta.url).pathname,
      'lora-harness/protocol': new URL('../../src/protocol/index.ts', import.meta.url).pathname,
    },
  })
  const inputs = Object.keys(metafile.inputs)
  expect(inputs.filter(input => /^src\/(engine|record|harness|models)\//.test(input))).toEqual([])
  const entry = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint?.endsWith('archive.ts'))![1]
  const first = (name: string): number => {
    const { bytes, imports } = metafile.outputs[name]!
    return (
      bytes + imports.filter(({ kind }) => kind !== 'dynamic-import').reduce((sum, { path }) => sum + first(path), 0)
    )
  }
  const at = Object.entries(metafile.outputs).find(([, output]) => output === entry)![0]
  const all = outputFiles.reduce((sum, { contents }) => sum + contents.length, 0)
  console.log(
    `opening a file: ${(first(at) / 1e3).toFixed(0)} kB; with what looks at adapters: ${(all / 1e3).toFixed(0)} kB`,
  )
})
