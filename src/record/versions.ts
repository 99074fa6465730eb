import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'

export interface Machine {
  platform: string
  arch: string
  cores: number
  memoryBytes: number
}

const packageFile = new URL('../../package.json', import.meta.url)
const self = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string; dependencies: Record<string, string> }

/** Version of an installed package; undefined if it is not installed. */
export function installed(name: string): string | undefined {
  const folders = createRequire(packageFile).resolve.paths(name) ?? []
  const file = folders.map(folder => join(folder, name, 'package.json')).find(existsSync)
  return file && (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** Every package that this one needs, with its installed version. */
export const dependencies = (): [name: string, version: string | undefined][] =>
  Object.keys(self.dependencies).map(name => [name, installed(name)])

/** What decides a run's numbers beside its code and seed. */
export function versions(): Record<string, string> {
  const packages = ['onnxruntime-node', '@huggingface/transformers']
  return {
    'lora-harness': self.version,
    node: process.versions.node,
    ...Object.fromEntries(packages.map(name => [name, installed(name) ?? 'missing'])),
  }
}

export const machine = (): Machine => ({
  platform: process.platform,
  arch: process.arch,
  cores: cpus().length,
  memoryBytes: totalmem(),
})
