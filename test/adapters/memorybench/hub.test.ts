import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  dialsim,
  MemoryBenchExampleSource,
  offPolicy,
  onPolicy,
  parseColumn,
  stepwise,
} from '../../../src/adapters/memorybench/index.js'
import { LoRAHarness } from '../../../src/harness/index.js'
import { LoRAHandle } from '../../../src/lora/handle.js'
import { collect, toy } from '../../harness/toy.js'

const FOLDER = 'test/fixtures/memorybench/folder'
const ID = 'THUIR/MemoryBench'
let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'memorybench-hub-'))
  vi.stubEnv('LORA_HARNESS_HOME', join(home, 'ours'))
  vi.stubEnv('HF_HUB_CACHE', join(home, 'hub'))
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  rmSync(home, { recursive: true })
})

const source = (name = 'Locomo-0') => new MemoryBenchExampleSource({ datasetType: 'single', name, path: ID })
async function count(examples: AsyncIterable<unknown>) {
  let count = 0
  for await (const _ of examples) count++
  return count
}

/** A hub that has the fixture; `cut` of each file's bytes are missing. */
async function withHub(cut: number, body: (asked: string[]) => Promise<void>) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url!.split('?')[0]!)
    asked.push(path)
    const [, tree] = /^\/api\/datasets\/THUIR\/MemoryBench\/tree\/abc123\/(.*)$/.exec(path) ?? []
    const [, file] = /^\/datasets\/THUIR\/MemoryBench\/resolve\/abc123\/(.*)$/.exec(path) ?? []
    if (path === `/api/datasets/${ID}/revision/main`) return response.end(JSON.stringify({ sha: 'abc123' }))
    if (tree && existsSync(join(FOLDER, tree))) {
      const names = (readdirSync(join(FOLDER, tree), { recursive: true }) as string[]).map(name => join(tree, name))
      const entries = names.map(path => ({ path, stat: statSync(join(FOLDER, path)) }))
      return response.end(
        JSON.stringify(
          entries.map(({ path, stat }) => ({ type: stat.isFile() ? 'file' : 'directory', path, size: stat.size })),
        ),
      )
    }
    if (file) return response.end(readFileSync(join(FOLDER, file)).subarray(cut))
    response.statusCode = 404
    response.end()
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  try {
    await body(asked)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

test("a hub id: the snapshot in Hugging Face's cache", async () => {
  const repository = join(home, 'hub', 'datasets--THUIR--MemoryBench')
  cpSync(FOLDER, join(repository, 'snapshots', 'abc'), { recursive: true })
  mkdirSync(join(repository, 'refs'))
  writeFileSync(join(repository, 'refs', 'main'), 'abc\n')
  expect([...source()]).toHaveLength(3)
  expect(source().length).toBe(3)
})

test('a hub id: only the files of the set are downloaded, once', async () => {
  await withHub(0, async asked => {
    expect(() => [...source()]).toThrow('it is not on this machine; `for await` over the source downloads it')
    expect(source().length).toBeUndefined()
    expect(await count(source())).toBe(3)
    expect(asked.filter(path => path.includes('/resolve/')).every(path => path.includes('/dataset/Locomo-0/'))).toBe(
      true,
    )
    const before = asked.length
    expect(await count(source())).toBe(3)
    expect(source().length).toBe(3)
    expect(asked).toHaveLength(before)
    await expect(count(source('IdeaBench'))).rejects.toThrow(/could not be downloaded from http:.*404/)
  })
})

test('a download that is too short is thrown away, and no network is an error that says what would help', async () => {
  await withHub(1, () => expect(count(source())).rejects.toThrow(/it ended after \d+ of \d+ bytes/))
  expect(readdirSync(join(home, 'ours', 'data', 'THUIR--MemoryBench'))).toEqual([])
  vi.stubEnv('HF_HUB_OFFLINE', '1')
  await expect(count(source())).rejects.toThrow(
    /no snapshot of that data set in .*HF_HUB_OFFLINE forbids it\. .*hf download/,
  )
})

const options = { datasetType: 'single', name: 'Locomo-0', path: FOLDER } as const
const learning = {
  ...toy,
  inferenceFn: () => 'Red kite.',
  finetuneFn: (_: unknown, __: unknown, ___: unknown, ____: unknown, harness: { index: number }) =>
    new LoRAHandle({ identifier: `lora ${harness.index}` }),
}

test('off-policy learns all train rows and probes the test rows before and after; stepwise after every batch', async () => {
  const harness = new LoRAHarness({ ...learning, ...offPolicy(options) })
  expect((await collect(harness.run())).map(({ example }) => example.testIdx).sort()).toEqual([0, 1, 2])
  expect(harness.probings.map(({ at, probes }) => [at, probes.map(({ key }) => key)])).toEqual(
    [0, 3].map(at => [at, ['Locomo-0/test/3', 'Locomo-0/test/4']]),
  )
  const steps = new LoRAHarness({ ...learning, ...stepwise({ ...options, batch: 2 }) })
  await collect(steps.run())
  expect(steps.probings.map(({ at }) => at)).toEqual([0, 2, 3])
})

test('learning from test rows shows: a warning with every step, and a leak for each probe', async () => {
  const notes: unknown[] = []
  const recorder = { record: () => {}, note: (event: unknown) => void notes.push(event) }
  const harness = new LoRAHarness({ ...learning, ...offPolicy({ ...options, split: 'test' }), recorder })
  for (const { details } of await collect(harness.run())) expect(details.warning).toMatch(/test split/)
  expect(notes).toContainEqual(
    expect.objectContaining({ type: 'leak', probe: expect.stringMatching(/^Locomo-0\/test\//) }),
  )
})

test('on-policy draws a batch for each step; a row drawn again has a key of its own', async () => {
  const harness = new LoRAHarness({ ...learning, ...onPolicy({ ...options, steps: 2, batch: 3 }) })
  const drawn = (await collect(harness.run())).map(({ example }) => String(example.testIdx)).sort()
  expect(drawn).toEqual(['0', '0#2', '1', '1#2', '2', '2#2'])
  await expect(collect(new LoRAHarness({ ...learning, ...onPolicy(options) }).run())).rejects.toThrow(
    '`batch` must be at most that',
  )
})

const VECTORS = '../shared/data/memorybench/vectors.json'
test.skipIf(!existsSync(VECTORS))('the vectors of the original: columns and scripts', () => {
  const vectors = JSON.parse(readFileSync(VECTORS, 'utf8'))
  for (const { in: text, out } of vectors['dialsim.change_dialsim_conversation_to_locomo_form'])
    expect(dialsim.conversation(text)).toEqual(out)
  for (const { in: row, out } of vectors['utils.convert_str_to_obj'])
    for (const [name, cell] of Object.entries(row)) {
      const value = parseColumn(name, cell)
      if (name !== 'info' || !String(out.dataset_name).includes('Locomo')) expect(value).toEqual(out[name])
    }
})
