/**
 * Module hooks for experiments, run by Node in a thread of their own (`module.register`).
 *
 * TypeScript goes through ts-node with type check, under settings of ours whatever tsconfig.json lies about, so that an
 * experiment means the same everywhere. `lora-harness` is always the package that runs: an experiment may lie outside
 * it, and there is never a second copy.
 *
 * An experiment is loaded again as another version: `?v=N` behind its URL, handed on to every local file that it
 * imports. Packages, and this one, stay the modules that they were.
 */
import { readFileSync } from 'node:fs'
import { createRequire, type LoadHook, type ResolveHook } from 'node:module'
import { dirname, parse, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MessagePort } from 'node:worker_threads'
import type { Diagnostic } from 'typescript'

/** `code` of the error that a failed type check throws; its `places` has one line an error. */
export const TYPE_ERROR = 'LORA_HARNESS_TYPES'

/** What the hooks tell of every local file that is loaded. */
export interface Read {
  version: string | null
  file: string
  text: string
}

const packageFile = new URL('../../package.json', import.meta.url)
const own = new URL('..', import.meta.url).href
const exported = JSON.parse(readFileSync(packageFile, 'utf8')).exports as Record<string, { types: string }>
/** File with the types of each entry of this package, by the name that it is imported by. */
const entries = Object.fromEntries(
  Object.entries(exported).map(([key, { types }]) => [
    key.replace('.', 'lora-harness'),
    fileURLToPath(new URL(types, packageFile)),
  ]),
)

let reader: MessagePort | undefined

/** `port`, if given, is told of every local file that is loaded. */
export function initialize(data?: { port: MessagePort }): void {
  reader = data?.port
}

interface TypeScriptHooks {
  resolve: ResolveHook
  load: LoadHook
  TSError: new (...args: never[]) => Error & { diagnosticText: string; diagnostics: readonly Diagnostic[] }
}

let hooks: Promise<TypeScriptHooks> | undefined
let checked: string | null = null

/**
 * Made for the first TypeScript file of each version: ts-node and the compiler take a second to load. ts-node never
 * reads an imported file twice, so that another version needs a compiler of its own.
 */
function typeScript(version: string | null): Promise<TypeScriptHooks> {
  if (version !== checked) hooks = undefined
  checked = version
  hooks ??= import('ts-node').then(({ default: tsNode }) => {
    const nodeTypes = dirname(createRequire(import.meta.url).resolve('@types/node/package.json'))
    const service = tsNode.create({
      skipProject: true,
      pretty: true,
      experimentalSpecifierResolution: 'node',
      // Without this, a file is CommonJS where no package.json says otherwise.
      moduleTypes: { [`${parse(process.cwd()).root}**`]: 'esm' },
      compilerOptions: {
        target: 'ES2023',
        lib: ['ES2023'],
        module: 'ESNext',
        moduleResolution: 'Bundler',
        strict: true,
        skipLibCheck: true,
        rewriteRelativeImportExtensions: true,
        types: ['node'],
        typeRoots: [dirname(nodeTypes)],
        paths: Object.fromEntries(Object.entries(entries).map(([name, types]) => [name, [types]])),
      },
    })
    letGo()
    // ts-node declares the hooks of older Nodes beside today's.
    const { resolve, load } = tsNode.createEsmHooks(service) as unknown as Pick<TypeScriptHooks, 'resolve' | 'load'>
    return { resolve, load, TSError: tsNode.TSError }
  })
  return hooks
}

/** ts-node hooks every service into stack traces, which would keep each of them, 80 MB, for good; Node reads source maps itself. */
function letGo(): void {
  const require = createRequire(import.meta.url)
  const sourceMaps = createRequire(require.resolve('ts-node'))('@cspotcode/source-map-support')
  sourceMaps.uninstall()
  sourceMaps.resetRetrieveHandlers()
}

const isTypeScript = (url: string | undefined): boolean => /\.m?ts$/.test(url ?? '')
const isLocal = (url: string): boolean =>
  url.startsWith('file:') && !url.startsWith(own) && !url.includes('/node_modules/')

/** `file:///exp.ts?v=2` to `file:///exp.ts` and `2`; whatever else stands behind a `?` stays. */
function versionOf(url: string): { plain: string; version: string | null } {
  const [, plain, version] = /^(.*)\?v=(\d+)$/.exec(url) ?? ['', url]
  return { plain: plain!, version: version ?? null }
}

export const resolve: ResolveHook = async (specifier, context, next) => {
  // By the package's own name, as if from inside it: its `exports` decide.
  if (specifier in entries) return next(specifier, { ...context, parentURL: packageFile.href })
  const { plain, version } = versionOf(context.parentURL ?? '')
  const from = version === null ? context : { ...context, parentURL: plain }
  const found = isTypeScript(plain)
    ? await (await typeScript(version)).resolve(specifier, from, next)
    : await next(specifier, from)
  return version !== null && isLocal(found.url) && !found.url.includes('?')
    ? { ...found, url: `${found.url}?v=${version}` }
    : found
}

export const load: LoadHook = async (url, context, next) => {
  const { plain, version } = versionOf(url)
  if (!isLocal(plain)) return next(url, context)
  // The very text that is loaded, though the file may change meanwhile.
  const read: LoadHook = async (url, context) => {
    const loaded = await next(url, context)
    const file = fileURLToPath(url)
    reader?.postMessage({ version, file, text: String(loaded.source ?? readFileSync(file)) } satisfies Read)
    return loaded
  }
  if (!isTypeScript(plain)) return read(plain, context, next)
  const { load, TSError } = await typeScript(version)
  try {
    return await load(plain, context, read as never)
  } catch (cause) {
    if (!(cause instanceof TSError)) throw cause
    // Errors cross to the main thread as copies, and ts-node's would arrive as undefined: pass on its text.
    throw Object.assign(new Error(cause.diagnosticText), { code: TYPE_ERROR, places: cause.diagnostics.map(place) })
  }
}

/** `exp.ts:3:7 TS2322 Type 'number' is not assignable to type 'string'.` */
function place({ file, start, code, messageText }: Diagnostic): string {
  const text = typeof messageText === 'string' ? messageText : messageText.messageText
  if (!file || start === undefined) return `TS${code} ${text}`
  const { line, character } = file.getLineAndCharacterOfPosition(start)
  return `${relative(process.cwd(), file.fileName)}:${line + 1}:${character + 1} TS${code} ${text}`
}
