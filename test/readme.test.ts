import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { EXIT } from '../src/cli/exit.js'
import { blocks } from './helpers/readme.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')

describe('README', () => {
  test('every TypeScript block is marked as checked or run', () => {
    expect(readme.match(/^```ts$/gm)).toHaveLength(blocks(readme, 'types').length + blocks(readme, 'run').length)
  })

  test('its programs type-check against the sources', () => {
    const programs = [...blocks(readme, 'types'), ...blocks(readme, 'run')]
    const files = new Map(programs.map((text, i) => [join(root, `readme-${i}.ts`), text]))
    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root)
    const host = ts.createCompilerHost(options)
    const { readFile, fileExists } = host
    host.readFile = name => files.get(name) ?? readFile(name)
    host.fileExists = name => files.has(name) || fileExists(name)
    host.getSourceFile = (name, version) => {
      const text = host.readFile(name)
      return text === undefined ? undefined : ts.createSourceFile(name, text, version)
    }
    const program = ts.createProgram([...files.keys()], options, host)
    const wrong = [...files.keys()].flatMap(name => ts.getPreEmitDiagnostics(program, program.getSourceFile(name)))
    expect(ts.formatDiagnostics(wrong, host)).toBe('')
  }, 120_000)

  test('its tree names every file under src, and nothing else', () => {
    const folders: string[] = []
    const named = blocks(readme, 'tree')[0]!
      .split('\n')
      .flatMap(line => {
        const [, indent, name] = line.match(/^( *)(\S+)/)!
        folders.splice(indent!.length / 2)
        folders.push(name!.replace(/\/$/, ''))
        return name!.endsWith('/') ? [] : [folders.join('/')]
      })
    const found = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name).slice(root.length))
    expect(named.sort()).toEqual(found.sort())
  })

  test('its exit codes are those of the command line', () => {
    const codes = [...readme.matchAll(/^\| (\d+) \| /gm)].map(found => Number(found[1]))
    expect(codes).toEqual(Object.values(EXIT))
  })

  test('its paths exist', () => {
    for (const [, path] of readme.matchAll(/`((?:src|experiments|scripts|docs|test)\/[\w./-]*)`/g))
      expect(readdirSync(join(root, path!, '..')), path).toContain(path!.replace(/\/$/, '').split('/').at(-1))
  })
})
