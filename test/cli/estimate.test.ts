import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cli, scenes, workFolder, writeExperiment } from './cli.js'

const folder = workFolder()
const temporary = join(folder, 'tmp')
mkdirSync(temporary)
/** Every example leaves an adapter of 100,000 bytes. */
const finetuneFn = `({ testIdx }) => {
  const path = mkdtempSync('adapter-')
  writeFileSync(path + '/weights.bin', String(testIdx).padEnd(100_000))
  return new LoRAHandle({ identifier: 'adapter ' + testIdx, path })
}`
const write = (name: string, parts: Record<string, string> = {}) =>
  writeExperiment(
    folder,
    name,
    parts,
    "import { mkdtempSync, writeFileSync } from 'node:fs'\nimport { LoRAHandle } from 'lora-harness'",
  )
const estimate = (name: string, args: string[] = [], watch?: Parameters<typeof cli>[2]) =>
  cli(['run', name, '--estimate', ...args], folder, watch, { TMPDIR: temporary })
const nothingKept = () => expect([readdirSync(temporary), existsSync(join(folder, 'runs'))]).toEqual([[], false])

describe('run --estimate', () => {
  test('runs five examples, says what all would take, and keeps nothing', async () => {
    write('adapters.mjs', { finetuneFn })
    const { code, output } = await estimate('adapters.mjs', ['--set', 'n=60'])
    expect(output).toContain('5 of 5 fake')
    expect(output).not.toContain('6 of')
    expect(output).toMatch(/^example +[\d.]+ s \(median; [\d.]+ s to [\d.]+ s\)$/m)
    expect(output).toMatch(
      /^whole run +about .* for 60 examples: what these took, and the median for each of the other 55$/m,
    )
    expect(output).toMatch(/^disk +10\d kB an example \(mean\): database .*, adapters 100 kB \(5 of 5 made one\)$/m)
    expect(output).toMatch(/^ +about 6\.\d MB for 60 examples, if the others are like these$/m)
    expect(output).toMatch(/^free +\d+ .B on the disk of runs$/m)
    expect(output).toMatch(/\nNothing was kept\.\n$/)
    expect(code).toBe(0)
    nothingKept()
  })

  test('--limit bounds the whole; a source that ends early is its own whole', async () => {
    expect((await estimate('adapters.mjs', ['--set', 'n=60', '--limit', '20'])).output).toContain('for 20 examples')
    expect((await estimate('adapters.mjs', ['--set', 'n=3'])).output).toMatch(
      /^whole run +[\d.]+ s: these were all examples$/m,
    )
    nothingKept()
  })

  test('what fails, or is interrupted, keeps nothing either', async () => {
    write('fails.mjs', {
      inferenceFn: "(example, lora, { index }) => { if (index === 2) throw new Error('no tokens'); return '' }",
    })
    const failed = await estimate('fails.mjs')
    expect(failed.output).toContain('no tokens')
    expect(failed.code).toBe(1)
    write('waits.mjs', {
      inferenceFn:
        "async (example, lora, { signal }) => { console.log('waiting'); while (!signal.aborted) await new Promise(done => setTimeout(done, 5)) }",
    })
    const stopped = await estimate('waits.mjs', [], scenes([/^waiting$/m, child => void child.kill('SIGINT')]))
    expect(stopped.output).toContain('Interrupted. Nothing was kept.')
    expect(stopped.code).toBe(130)
    nothingKept()
  })

  test('not together with --watch', async () => {
    const { code, output } = await estimate('adapters.mjs', ['--watch'])
    expect(output).toContain("option '--estimate' cannot be used with option '--watch'")
    expect(code).toBe(2)
  })
})

describe('a run', () => {
  test('of more than 50 examples says after the fifth what the others will take', async () => {
    const { output } = await cli(['run', 'adapters.mjs', '--set', 'n=51', '--out', 'long'], folder)
    expect(output).toMatch(
      /^5 of 51 .*\nEstimate from 5 examples: .* the other 46 take about .* and 4\.\d MB; .* are free\.\n6 of 51/m,
    )
    expect(output.match(/Estimate/g)).toHaveLength(1)
    write('plain.mjs')
    const short = await cli(['run', 'plain.mjs', '--set', 'n=50', '--out', 'short'], folder)
    expect(short.output).not.toContain('Estimate')
  })
})
