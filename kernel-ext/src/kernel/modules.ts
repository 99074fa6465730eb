/** What cells import, from the notebook's folder, or from this package's where that has no such package. */
import { existsSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import vm from 'node:vm'

/** tslab's way into a cell: what its code gets. */
interface Lent {
  exports: Record<string, unknown>
  require: NodeJS.Require
  /** Node's `import()`. */
  import?: (specifier: string) => Promise<unknown>
  /** `import.meta` */
  meta?: { url: string; filename: string; dirname: string }
  /** Loads what `require` cannot, before a cell's first line. */
  ready?: (specifiers: string[]) => Promise<void>
}

/** Node's own `import()`, as a file of this folder would do it. */
const importFrom = (folder: string): ((specifier: string, options?: unknown) => Promise<Record<string, unknown>>) =>
  vm.runInThisContext('(specifier, options) => import(specifier, options)', {
    filename: join(folder, 'cell.mjs'),
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })

const isPath = (specifier: string) => /^(\.{0,2}\/|[a-z]+:|#)/i.test(specifier) || isBuiltin(specifier)

/** Is there a package of this specifier in `node_modules` of a folder, or of one above? */
function reaches(folder: string, specifier: string): boolean {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'node_modules', name))) return true
    if (dirname(at) === at) return false
  }
}

/** Reasons for which `require` cannot load what `import` can. */
const NEEDS_IMPORT = ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE', 'ERR_PACKAGE_PATH_NOT_EXPORTED']

/** A module as TypeScript's CommonJS expects one. */
const asCommonJS = (namespace: Record<string, unknown>) =>
  Object.defineProperties(
    {},
    {
      ...Object.fromEntries(
        Object.keys(namespace).map(name => [name, { enumerable: true, get: () => namespace[name] }]),
      ),
      __esModule: { value: true },
    },
  )

/** Gives cells of this folder real imports, through what tslab's executor has just put into its global. */
export function lendImports(folder: string): void {
  const lent = (globalThis as unknown as { __tslab__: Lent }).__tslab__
  const ours = { require: createRequire(import.meta.url), import: importFrom(import.meta.dirname) }
  const theirs = { require: lent.require, import: importFrom(folder) }
  const imported = new Map<string, unknown>()
  const home = (specifier: string) =>
    isPath(specifier) || specifier === 'tslab' || reaches(folder, specifier) || !reaches(import.meta.dirname, specifier)
      ? theirs
      : ours

  const load = (specifier: string) =>
    imported.has(specifier) ? imported.get(specifier) : home(specifier).require(specifier)
  lent.require = new Proxy(lent.require, { apply: (_target, _self, [specifier]) => load(specifier) })
  lent.import = async (specifier: string) => {
    // A file in TypeScript beside the notebook is compiled by tslab, and known to its `require` only.
    if (specifier.startsWith('.') && !existsSync(resolve(folder, specifier))) return load(specifier)
    return await home(specifier).import(specifier)
  }
  const filename = join(folder, 'cell.ts')
  lent.meta = { url: pathToFileURL(filename).href, filename, dirname: folder }
  lent.ready = async specifiers => {
    for (const specifier of specifiers)
      try {
        load(specifier)
      } catch (error) {
        if (!NEEDS_IMPORT.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
        imported.set(specifier, asCommonJS(await home(specifier).import(specifier)))
      }
  }
}
