import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import { beforeAll, describe, expect, test } from 'vitest'

/** A file imports from its own folder and from those above it in this list. */
const ORDER = [
  'errors.ts',
  'json.ts',
  'tensor.ts',
  'protocol',
  'graph',
  'onnx',
  'rules',
  'grad',
  'lora',
  'models',
  'engine',
  'harness',
  'adapters',
  'record',
  'serving',
  'cluster',
  'report',
  'cli',
  'index.ts',
  'analysis.ts',
  'compiler.ts',
  'worker.ts',
  'browser.ts',
]
/** Tables of ops and generated code may be longer than 300 lines. */
const LONG = ['src/graph/ops.ts', 'src/grad/vjps.ts', 'src/onnx/onnx_pb.ts']
/** Packages that one place only knows of. */
const ONLY_IN: [module: RegExp, place: RegExp][] = [
  [/^onnxruntime-node/, /^src\/engine\/(node|platform|session)\.ts$/],
  [/^onnxruntime-web/, /^src\/engine\/web\.ts$/],
  [/protobuf/, /^src\/onnx\//],
  [/libsql|kysely/, /^src\/record\/(schema|database|lock)\.ts$/],
]
/** Folders that must run anywhere, a browser included. */
const NO_NODE = /^src\/(protocol|graph|rules|grad|errors\.ts|tensor\.ts)/

interface Module {
  source: string
  dependencies: {
    module: string
    resolved: string
    circular?: boolean
    cycle?: { dependencyTypes: string[] }[]
    coreModule?: boolean
    couldNotResolve?: boolean
    dependencyTypes?: string[]
  }[]
}

const rank = (path: string): number => ORDER.indexOf(path.split('/')[1]!)

/** What is wrong with the imports of these modules, one line each. */
function problems(modules: readonly Module[]): string[] {
  return modules.flatMap(({ source, dependencies }) => [
    ...(rank(source) < 0 ? [`${source} is in no folder of the order`] : []),
    ...dependencies.flatMap(({ module, resolved, circular, coreModule, couldNotResolve }) => {
      const local = module.startsWith('.')
      const said = `${source} imports ${module}`
      return [
        ...(local && couldNotResolve ? [`${said}: no such file`] : []),
        ...(local && !couldNotResolve && rank(resolved) > rank(source) ? [`${said}: upwards`] : []),
        ...(circular ? [`${said}: a cycle`] : []),
        ...(coreModule && NO_NODE.test(source) ? [`${said}: a module of Node`] : []),
        ...ONLY_IN.filter(([name, place]) => !local && name.test(module) && !place.test(source)).map(
          ([, place]) => `${said}: only in ${place}`,
        ),
      ]
    }),
  ])
}

let modules: Module[] = []
beforeAll(async () => {
  const options = { tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules' } }
  const { output } = await cruise(['src'], options)
  modules = (output as ICruiseResult).modules.filter(module => /^src\/.*\.ts$/.test(module.source))
})

test('imports point down, end in files that exist, and make no cycle; few places know ONNX Runtime, protobuf and Node', () => {
  expect(modules.length).toBeGreaterThan(50)
  expect(problems(modules)).toEqual([])
})

test('what runs in a browser reaches no module of Node', () => {
  const seen = new Set<string>()
  const reached = (source: string): string[] => {
    if (seen.has(source)) return []
    seen.add(source)
    const { dependencies = [] } = modules.find(m => m.source === source) ?? {}
    return dependencies.flatMap(({ module, resolved, coreModule, dependencyTypes }) => {
      if (dependencyTypes?.includes('type-only')) return []
      if (coreModule || /^onnxruntime-node/.test(module)) return [`${source} imports ${module}`]
      return reached(module === '#platform' ? 'src/engine/web.ts' : resolved)
    })
  }
  const analysis = modules.map(m => m.source).filter(source => source.startsWith('src/lora/analysis/'))
  expect(analysis).not.toEqual([])
  expect(['src/analysis.ts', 'src/browser.ts', 'src/worker.ts', ...analysis].flatMap(reached)).toEqual([])
  expect([...seen]).toEqual(expect.arrayContaining(['src/engine/model.ts', 'src/engine/web.ts', 'src/onnx/read.ts']))
})

test('files have at most 300 lines', () => {
  const lengths = modules.map(({ source }) => [source, readFileSync(source, 'utf8').split('\n').length - 1] as const)
  expect(lengths.filter(([source, lines]) => lines > 300 && !LONG.includes(source))).toEqual([])
})

describe('kernel-ext', () => {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, unknown> }
  /** What it may import of lora-harness. */
  const PUBLIC = Object.keys(exports).map(entry => entry.replace(/^\./, 'lora-harness'))
  let ext: Module[] = []
  beforeAll(async () => {
    const { output } = await cruise(['kernel-ext/src'], {
      tsPreCompilationDeps: true,
      doNotFollow: { path: 'node_modules|^src/' },
    })
    ext = (output as ICruiseResult).modules.filter(module => /^kernel-ext\/src\/.*\.ts$/.test(module.source))
  })

  test('knows lora-harness by its public entries only, and makes no cycle', () => {
    expect(ext.length).toBeGreaterThan(10)
    const wrong = ext.flatMap(({ source, dependencies }) =>
      dependencies
        .filter(({ module, resolved, cycle }) =>
          module.startsWith('.')
            ? // Files of types may know each other.
              cycle?.every(({ dependencyTypes }) => !dependencyTypes.includes('type-only')) ||
              !resolved.startsWith('kernel-ext/src/')
            : module.startsWith('lora-harness') && !PUBLIC.includes(module),
        )
        .map(({ module }) => `${source} imports ${module}`),
    )
    expect(wrong).toEqual([])
  })

  test('what cells import reaches neither the kernel nor tslab, of which a second copy would be loaded', () => {
    const seen = new Set<string>()
    const reached = (source: string): string[] => {
      if (seen.has(source)) return []
      seen.add(source)
      return (ext.find(m => m.source === source)?.dependencies ?? [])
        .filter(({ dependencyTypes }) => !dependencyTypes?.includes('type-only'))
        .flatMap(({ module, resolved }) =>
          /^(tslab|zeromq|@tslab)/.test(module) || resolved.startsWith('kernel-ext/src/kernel/')
            ? [`${source} imports ${module}`]
            : reached(resolved),
        )
    }
    expect(reached('kernel-ext/src/index.ts')).toEqual([])
    expect([...seen]).toContain('kernel-ext/src/tslab.ts')
  })

  test('files have at most 300 lines', () => {
    const lengths = ext.map(({ source }) => [source, readFileSync(source, 'utf8').split('\n').length - 1] as const)
    expect(lengths.filter(([, lines]) => lines > 300)).toEqual([])
  })
})

test('unit tests replace no modules: files that run in one process share them', () => {
  const files = ['test', 'plugin'].flatMap(folder =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map(path => join(folder, path))
      .filter(path => /(?<!\.\w+)\.test\.ts$/.test(path) && !path.includes('node_modules')),
  )
  expect(files).toContain('test/imports.test.ts')
  expect(files.filter(path => /^\s*vi\.(do)?mock\(/im.test(readFileSync(path, 'utf8')))).toEqual([])
})

describe('the check itself', () => {
  const module = (source: string, dependency: Partial<Module['dependencies'][number]>): Module[] => [
    { source, dependencies: [{ module: './x.js', resolved: 'src/graph/x.ts', ...dependency }] },
  ]
  test.each([
    ['src/onnx/read.ts', {}, []],
    ['src/protocol/step.ts', {}, ['src/protocol/step.ts imports ./x.js: upwards']],
    ['src/stray/a.ts', { module: 'zod' }, ['src/stray/a.ts is in no folder of the order']],
    ['src/graph/a.ts', { circular: true }, ['src/graph/a.ts imports ./x.js: a cycle']],
    ['src/graph/a.ts', { couldNotResolve: true }, ['src/graph/a.ts imports ./x.js: no such file']],
    ['src/grad/a.ts', { module: 'fs', coreModule: true }, ['src/grad/a.ts imports fs: a module of Node']],
    ['src/engine/session.ts', { module: 'onnxruntime-node' }, []],
    ['src/engine/a.ts', { module: 'onnxruntime-node' }, [expect.stringContaining('onnxruntime-node: only in')]],
    ['src/models/a.ts', { module: '@bufbuild/protobuf' }, [expect.stringContaining('protobuf: only in')]],
  ])('%s %j', (source, dependency, found) => {
    expect(problems(module(source, dependency))).toEqual(found)
  })
})
