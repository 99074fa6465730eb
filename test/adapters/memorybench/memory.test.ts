import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Table, tableToIPC, vectorFromArray } from 'apache-arrow'
import { afterAll, expect, test } from 'vitest'
import { root } from '../../cli/cli.js'

const folder = mkdtempSync(join(tmpdir(), 'memorybench-memory-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ROWS = 1000
/** Rows of LoCoMo with prompts of 3 kB, as one batch. */
const batch = () => {
  const strings = (of: (i: number) => string) => vectorFromArray(Array.from({ length: ROWS }, (_, i) => of(i)))
  const table = new Table({
    test_idx: vectorFromArray(new Int32Array(ROWS).map((_, i) => i)),
    dataset_name: strings(() => 'Locomo-0'),
    lang: strings(() => 'en'),
    input_prompt: strings(i => `Question ${i}: ${'what was said? '.repeat(200)}`),
    info: strings(i => `{'golden_answer': 'kite ${i}', 'category': 4, 'evidence': []}`),
  })
  const bytes = tableToIPC(table, 'stream')
  // A stream is its schema (marker, length, so many bytes), batches, and an end of 8 bytes.
  const schema = 8 + new DataView(bytes.buffer, bytes.byteOffset).getInt32(4, true)
  return { schema: bytes.subarray(0, schema), rows: bytes.subarray(schema, -8), end: bytes.subarray(-8) }
}

/** A Hugging Face folder with so many batches; its size [bytes]. */
function write(name: string, batches: number): { path: string; size: number } {
  const path = join(folder, name)
  const train = join(path, 'dataset/Locomo-0/train')
  mkdirSync(train, { recursive: true })
  const { schema, rows, end } = batch()
  const file = openSync(join(train, 'data-00000-of-00001.arrow'), 'w')
  const parts = [schema, ...Array<Uint8Array>(batches).fill(rows), end]
  const size = parts.reduce((sum, part) => sum + writeSync(file, part), 0)
  closeSync(file)
  return { path, size }
}

/** What a process with the built package needs to read all of it: [rows, seconds, MB at its peak]. */
function read(path: string): [rows: number, seconds: number, megabytes: number] {
  const program = `
    import { MemoryBenchExampleSource } from ${JSON.stringify(pathToFileURL(join(root, 'dist/adapters/memorybench/index.js')).href)}
    const begun = performance.now()
    let rows = 0
    const source = new MemoryBenchExampleSource({ datasetType: 'single', name: 'Locomo-0', path: process.argv[1] })
    for (const { target } of source) if (target.startsWith('kite ')) rows++
    console.log(JSON.stringify([rows, (performance.now() - begun) / 1000, process.resourceUsage().maxRSS / 1024]))`
  // New garbage has 1 MB: with more, what is measured is how long Node waits before it collects.
  const args = ['--max-semi-space-size=1', '--input-type=module', '-e', program, path]
  const text = execFileSync(process.execPath, args, { encoding: 'utf8' })
  return JSON.parse(text) as ReturnType<typeof read>
}

test('a folder of 123 MB takes no more memory than its batches', () => {
  const [small, large] = [write('small', 8), write('large', 41)]
  expect(large.size).toBeGreaterThan(123e6)
  const [few, , before] = read(small.path)
  const [many, seconds, after] = read(large.path)
  console.log(`${(large.size / 1e6).toFixed(0)} MB: ${seconds.toFixed(2)} s, ${after.toFixed(0)} MB at its peak`)
  console.log(`${(small.size / 1e6).toFixed(0)} MB: ${before.toFixed(0)} MB at its peak`)
  expect([few, many]).toEqual([8 * ROWS, 41 * ROWS])
  // 99 MB more of file, and the garbage of a few batches more: one that keeps the rows needs 99 MB and more.
  expect(after - before).toBeLessThan(60)
})
