/**
 * tslab's own modules, with two functions of its TypeScript configured: what cells may import and await, and how they
 * become JavaScript. Its files are not touched; the settings hold in this process only.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type TS from 'typescript'

/** One place that a cell's compiler complains about. */
export interface Diagnostic {
  /** Counted from 0. */
  start: { line: number; character: number }
  messageText: string
  fileName?: string
}

export interface Converted {
  output?: string
  declOutput?: string
  diagnostics: Diagnostic[]
  hasToplevelAwait?: boolean
  lastExpressionVar?: string
}

export interface Converter {
  convert(previous: string, source: string): Converted
  inspect(previous: string, source: string, position: number): unknown
  complete(previous: string, source: string, position: number): unknown
  addModule(name: string, source: string, meta?: unknown): Diagnostic[]
  close(): void
}

export interface Executor {
  execute(source: string): Promise<boolean>
  inspect(source: string, position: number): object | undefined
  complete(source: string, position: number): { start: number; end: number; candidates: string[] }
  interrupt(): void
  close(): void
}

/** JavaScript of a cell, with what is known about it. */
export interface Emitted {
  output: string
  /** Source maps from the cell's TypeScript to ESM, and from that to `output`. */
  maps: [toModule: string, toScript: string]
  /** What it imports, in order. */
  imports: string[]
}

const require = createRequire(import.meta.url)
const tslabFolder = dirname(require.resolve('tslab/package.json'))
const compiler = createRequire(join(tslabFolder, 'dist', 'converter.js')).resolve('@tslab/typescript-for-tslab')

/** TypeScript as tslab uses it. */
export const ts = require(compiler) as typeof TS

let emitted: Emitted | undefined

/** What was emitted last, if it is this. */
export const emittedAs = (output: string): Emitted | undefined => (emitted?.output === output ? emitted : undefined)

const MAP = /\n?\/\/# sourceMappingURL=data:application\/json;base64,([\w+/=]*)\s*$/

/** Splits an inline source map off. */
function withoutMap(js: string): [js: string, map: string] {
  const found = MAP.exec(js)
  return found ? [js.slice(0, found.index), Buffer.from(found[1]!, 'base64').toString()] : [js, '']
}

/** `import(x)` and `import.meta` of a cell stay what they are: a script has neither, so tslab's global lends them. */
const importsOf =
  (found: string[]): TS.TransformerFactory<TS.SourceFile> =>
  context => {
    const { factory } = context
    const lent = (name: string) => factory.createPropertyAccessExpression(factory.createIdentifier('__tslab__'), name)
    const visit = (node: TS.Node): TS.Node => {
      if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier))
        found.push(node.moduleSpecifier.text)
      if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) return lent('meta')
      const inner = ts.visitEachChild(node, visit, context)
      return ts.isCallExpression(inner) && inner.expression.kind === ts.SyntaxKind.ImportKeyword
        ? factory.updateCallExpression(inner, lent('import'), undefined, inner.arguments)
        : inner
    }
    return file => ts.visitEachChild(file, visit, context)
  }

/** `{ a }` of a cell before: tslab gives `a` its place in `exports`, but not where it stands for name and value both. */
const shorthands: TS.TransformerFactory<TS.SourceFile> = context => {
  const { factory } = context
  const { getReferencedValueDeclaration: declared } = (
    context as unknown as { getEmitResolver(): { getReferencedValueDeclaration(name: TS.Identifier): unknown } }
  ).getEmitResolver()
  const { isAssignmentTarget } = ts as unknown as { isAssignmentTarget(node: TS.Node): boolean }
  const visit = (node: TS.Node): TS.Node => {
    if (!ts.isShorthandPropertyAssignment(node) || isAssignmentTarget(node.parent) || declared(node.name))
      return ts.visitEachChild(node, visit, context)
    const { text } = node.name
    const exported = factory.createIdentifier('exports')
    // Of a cell before, or a global: this cell does not declare it.
    const value = factory.createConditionalExpression(
      factory.createBinaryExpression(factory.createStringLiteral(text), ts.SyntaxKind.InKeyword, exported),
      undefined,
      factory.createPropertyAccessExpression(exported, text),
      undefined,
      factory.createIdentifier(text),
    )
    return factory.createPropertyAssignment(text, value)
  }
  return file => ts.visitEachChild(file, visit, context)
}

type Lookups = Record<'getSourceFile' | 'getSourceFileByPath', (...args: unknown[]) => object | undefined>

const seen = new WeakSet<object>()

/**
 * A file with `await (…)` at its top is parsed twice, and the second result names the first, which has no path, as what it
 * was made of: TypeScript then fails at naming types of such a cell (`Paths must either both be absolute or …`).
 */
function withoutOriginals(compiler: Lookups): void {
  if (seen.has(compiler)) return
  seen.add(compiler)
  for (const name of ['getSourceFile', 'getSourceFileByPath'] as const) {
    const look = compiler[name]
    compiler[name] = (...args) => {
      const file = look.apply(compiler, args) as { original?: object } | undefined
      if (file?.original) delete file.original
      return file
    }
  }
}

const configured = {
  createWatchCompilerHost(files: string[], options: TS.CompilerOptions, system: TS.System, ...rest: unknown[]) {
    const ours: TS.CompilerOptions = {
      ...options,
      // Knows `exports` of a package.json, which Node10's way does not.
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      lib: ['lib.es2023.d.ts'],
      // tslab's: it forbids `await` outside functions, and finds most of them again by the error.
      disableTopLevelAwait: false,
      inlineSourceMap: true,
      typeRoots: withNode(options.typeRoots ?? []),
    }
    ours.paths = pathsOf(ours, system)
    const create = ts.createWatchCompilerHost as unknown as (
      ...args: unknown[]
    ) => TS.WatchCompilerHostOfFilesAndCompilerOptions<never>
    const host = create(files, ours, system, ...rest)
    const found = ts.createModuleResolutionCache(system.getCurrentDirectory(), name => name, ours)
    // What the notebook's folder does not have is looked for where this package is: lora-harness itself, for one.
    host.resolveModuleNameLiterals = (names, from, redirected, opts) =>
      names.map(({ text }) => {
        // A cell's imports are looked up afresh: a package may have been installed since.
        const cache = basename(from) === '__tslab__.ts' ? undefined : found
        const there = ts.resolveModuleName(text, from, opts, host, cache, redirected)
        return there.resolvedModule
          ? there
          : ts.resolveModuleName(text, import.meta.filename, opts, host, cache, redirected)
      })
    const createProgram = host.createProgram as unknown as (...args: unknown[]) => never
    host.createProgram = ((names: unknown, opts: unknown, compiler: object | undefined, ...others: unknown[]) => {
      if (compiler) withoutOriginals(compiler as Lookups)
      return createProgram(names, opts, compiler, ...others)
    }) as never
    // What was found stays found; without this, all files' imports are looked up again for every cell.
    host.hasInvalidatedResolutions = () => false
    return host
  },
  /** tslab's last step, from a module to a script. */
  transpileModule(input: string, options: TS.TranspileOptions): TS.TranspileOutput {
    const [js, toModule] = withoutMap(input)
    const imports: string[] = []
    const made = ts.transpileModule(js, {
      ...options,
      compilerOptions: { ...options.compilerOptions, sourceMap: true },
      transformers: { before: [shorthands, importsOf(imports)] },
    })
    const output = made.outputText.replace(/\n\/\/# sourceMappingURL=\S*\s*$/, '')
    emitted = { output, maps: [toModule, made.sourceMapText ?? ''], imports }
    return { ...made, outputText: output }
  },
}

/** What cells may take from this package and lora-harness. */
const ENTRIES = ['', '/compiler', '/protocol', '/report', '/adapters/memorybench'].map(entry => `lora-harness${entry}`)

/**
 * Names for types of this package and lora-harness where the notebook's folder has neither: without them the declaration
 * `const h = await harness(…)` of a cell could name its type by a path only, which TypeScript refuses.
 */
function pathsOf(options: TS.CompilerOptions, system: TS.System): TS.MapLike<string[]> {
  const folder = system.getCurrentDirectory()
  const found = (name: string, from: string) =>
    ts.resolveModuleName(name, from, options, system).resolvedModule?.resolvedFileName
  return Object.fromEntries(
    ['lora-harness-kernel', ...ENTRIES].flatMap(name => {
      const ours = found(name, join(folder, 'cell.ts')) === undefined && found(name, import.meta.filename)
      return ours ? [[name, [relative(folder, ours)]]] : []
    }),
  )
}

/** Type roots of which one has the types of node: the notebook's or ours, rather than tslab's, which are of Node 18. */
function withNode(found: string[]): string[] {
  const roots = found.filter(root => !resolve(root).startsWith(tslabFolder))
  if (roots.some(root => existsSync(join(root, 'node', 'package.json')))) return roots
  return [...roots, dirname(dirname(require.resolve('@types/node/package.json')))]
}

// tslab copies the properties of this object when it is loaded, which is below.
require.cache[compiler]!.exports = Object.defineProperties(
  {},
  { ...Object.getOwnPropertyDescriptors(ts), ...Object.getOwnPropertyDescriptors(configured) },
)

export const { createConverter, isCompleteCode } = require('tslab/dist/converter.js') as {
  createConverter(options: { isJS: boolean; isBrowser: boolean }): Converter
  isCompleteCode(source: string): { completed: boolean; indent?: string }
}
export const { createExecutor } = require('tslab/dist/executor.js') as {
  createExecutor(
    folder: string,
    converters: { node: Converter; browser: Converter; close(): void },
    console: { log(value: unknown): void; error(...args: unknown[]): void },
  ): Executor
}
export const { printQuickInfo } = require('tslab/dist/inspect.js') as { printQuickInfo(info: object): string }
/** What tslab's own `display` calls. */
export const tslabJupyter = require('tslab/dist/jupyter.js') as {
  lastWriteDisplayData: ((content: Record<string, unknown>, update?: boolean) => void) | null
}
