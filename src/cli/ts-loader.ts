/**
 * Module hooks for experiments, run by Node in a thread of their own (`module.register`).
 *
 * TypeScript goes through ts-node with type check, under settings of ours whatever tsconfig.json lies about, so that an
 * experiment means the same everywhere. `lora-harness` is always the package that runs: an experiment may lie outside
 * it, and there is never a second copy.
 */
import { readFileSync } from 'node:fs'
import { createRequire, type LoadHook, type ResolveHook } from 'node:module'
import { dirname, parse } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MessagePort } from 'node:worker_threads'

/** `code` of the error that a failed type check throws. */
export const TYPE_ERROR = 'LORA_HARNESS_TYPES'

const packageFile = new URL('../../package.json', import.meta.url)
const exported = JSON.parse(readFileSync(packageFile, 'utf8')).exports as Record<string, { types: string }>
/** File with the types of each entry of this package, by the name that it is imported by. */
const entries = Object.fromEntries(
  Object.entries(exported).map(([key, { types }]) => [
    key.replace('.', 'lora-harness'),
    fileURLToPath(new URL(types, packageFile)),
  ]),
)

let loaded: MessagePort | undefined

/** `port`, if given, is told the URL of every file that is loaded. */
export function initialize(data?: { port: MessagePort }): void {
  loaded = data?.port
}

interface TypeScriptHooks {
  resolve: ResolveHook
  load: LoadHook
  TSError: new (...args: never[]) => Error & { diagnosticText: string }
}

let hooks: Promise<TypeScriptHooks> | undefined

/** Made for the first TypeScript file: ts-node and the compiler take a second to load. */
function typeScript(): Promise<TypeScriptHooks> {
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
    // ts-node declares the hooks of older Nodes beside today's.
    const { resolve, load } = tsNode.createEsmHooks(service) as unknown as Pick<TypeScriptHooks, 'resolve' | 'load'>
    return { resolve, load, TSError: tsNode.TSError }
  })
  return hooks
}

const isTypeScript = (url: string | undefined): boolean => /\.m?ts$/.test(url ?? '')

export const resolve: ResolveHook = async (specifier, context, next) => {
  // By the package's own name, as if from inside it: its `exports` decide.
  if (specifier in entries) return next(specifier, { ...context, parentURL: packageFile.href })
  if (!isTypeScript(context.parentURL)) return next(specifier, context)
  return (await typeScript()).resolve(specifier, context, next)
}

/** Errors cross to the main thread as copies, and ts-node's would arrive as undefined: pass on its text. */
export const load: LoadHook = async (url, context, next) => {
  loaded?.postMessage(url)
  if (!isTypeScript(url)) return next(url, context)
  const { load, TSError } = await typeScript()
  try {
    return await load(url, context, next)
  } catch (cause) {
    if (!(cause instanceof TSError)) throw cause
    throw Object.assign(new Error(cause.diagnosticText), { code: TYPE_ERROR })
  }
}
