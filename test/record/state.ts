import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { identify } from '../../src/lora/adapter.js'
import { readPeft } from '../../src/lora/peft.js'
import { sha256 } from '../../src/lora/sha256.js'
import type { Step } from '../../src/protocol/index.js'
import { Database } from '../../src/record/database.js'
import { readRun } from '../../src/record/open.js'
import { chained, query } from '../../src/record/schema.js'

/** A step without what two runs of the same thing may differ in. */
export function essence({ runId: _r, ms: _m, startedAt: _s, ...rest }: Step) {
  return rest
}

/** SHA-256 of the files in the folders of a run's adapters, by path; what was being made when a process died is left out. */
export function adapterFiles(folder: string): Record<string, string> {
  const adapters = join(folder, 'adapters')
  const names = (path: string) => readdirSync(path).filter(name => !name.startsWith('.'))
  const files = existsSync(adapters) ? names(adapters).flatMap(a => names(join(adapters, a)).map(f => join(a, f))) : []
  return Object.fromEntries(files.sort().map(file => [file, sha256([readFileSync(join(adapters, file))])]))
}

/** The name that an adapter from outside the run has there. */
function nameByFiles(folder: string, adapter: string): string {
  const path = join(folder, 'adapters', adapter)
  const contents = readdirSync(path).map(name => [name, readFileSync(join(path, name))] as const)
  const files = contents.map(([name, data]) => [name, { bytes: data.length, sha256: sha256([data]) }] as const)
  return sha256([JSON.stringify(Object.fromEntries(files.sort(([a], [b]) => (a < b ? -1 : 1))))])
}

/** Everything that a run is, but for times and the processes that wrote it: what two runs of the same thing share. */
export function stateOf(folder: string) {
  const run = readRun(folder)
  try {
    return {
      branches: run.branches,
      current: run.current,
      steps: Object.fromEntries(run.branches.map(({ name }) => [name, run.steps(name).map(essence)])),
      probings: run.branches.map(({ name }) => run.probings(name).map(({ startedAt: _, ...rest }) => rest)),
      events: run.events().map(({ time: _, ...rest }) => rest),
      adapters: run.adapters(),
      files: adapterFiles(folder),
    }
  } finally {
    run.close()
  }
}

/**
 * Fails unless a run is whole, as whoever opens it now finds it: its steps follow each other without a gap, none twice,
 * each chained to the one before, and what they name is there and unaltered.
 *
 * @returns its steps as `branch index`, in the order in which they were made
 */
export function expectWhole(folder: string): Set<string> {
  const run = readRun(folder)
  const db = Database.read(join(folder, 'run.db'))
  try {
    expect(db.problems()).toEqual([])
    const rows = db.all(
      query
        .selectFrom('steps')
        .innerJoin('branches', 'branches.id', 'steps.branch')
        .selectAll('steps')
        .select('name')
        .orderBy('steps.id'),
    )
    const rowOf = (branch: string, index: number): (typeof rows)[number] | undefined => {
      const { at, parent } = run.branches.find(({ name }) => name === branch)!
      if (index < at) return parent === null ? undefined : rowOf(parent, index)
      return rows.find(row => row.idx === index && row.name === JSON.stringify(branch))
    }
    for (const { name } of run.branches) {
      const steps = run.steps(name)
      expect(steps.map(({ index }) => index)).toEqual([...steps.keys()])
    }
    for (const row of rows) {
      const branch = JSON.parse(row.name)
      expect(row.hash).toBe(chained(rowOf(branch, row.idx - 1)?.hash, branch, row))
    }

    const adapters = new Map(run.adapters().map(adapter => [adapter.identifier, adapter]))
    const named = run.branches.flatMap(({ name }) => run.steps(name)).flatMap(s => [s.retrievedLora, s.updatedLora])
    expect([...adapters.keys()].sort()).toEqual([...new Set(named.flatMap(l => l?.identifier ?? []))].sort())
    const files = adapterFiles(folder)
    for (const { folder: of, files: kept } of adapters.values())
      for (const [name, { sha256 }] of Object.entries(kept)) expect(files[join(of!, name)]).toBe(sha256)
    // Whatever has an adapter's name is that adapter, whether a step names it or not: by its tensors, or by its files.
    for (const name of new Set(Object.keys(files).map(path => path.split('/')[0]!)))
      expect([identify(readPeft(join(folder, 'adapters', name)).adapter), nameByFiles(folder, name)]).toContain(name)
    return new Set(rows.map(row => `${JSON.parse(row.name)} ${row.idx}`))
  } finally {
    db.close()
    run.close()
  }
}
