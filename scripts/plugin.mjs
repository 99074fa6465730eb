/** The plugin of JupyterLab: built without Python, installed by copying. */
import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile, hashOf, Missing, run, say, unless } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
export const NAME = 'lora-harness-jupyterlab'
const BUILT = 'plugin/labextension'
const WASM = 'ort-wasm-simd-threaded.asyncify.wasm'
/** What is in the bundle: ours, and what package-lock.json names. */
const FROM = [
  ...['src/', 'plugin/src/', 'plugin/style/', 'plugin/schema/'],
  ...['plugin/package.json', 'plugin/tsconfig.json', 'package-lock.json'],
]

/** Compiles and bundles the plugin, unless nothing changed; the library must have been built. @throws Missing */
export async function buildPlugin() {
  const done = await unless(`${BUILT}/.built`, hashOf(FROM), async () => {
    say(`• Plugin: compiling plugin/src, bundling to ${BUILT} …`)
    await compile('plugin/tsconfig.json')
    await bundle()
  })
  say(done ? '• Plugin: built.' : '• Plugin: up to date.')
}

/** plugin/lib to plugin/labextension. @throws Missing */
export async function bundle() {
  const modules = join(root, 'node_modules')
  const core = ['--core-package-file', join(modules, '@jupyterlab', 'core-meta', 'core.package.json')]
  const builder = join(modules, '@jupyter', 'builder', 'lib', 'build-labextension.js')
  // From its own folder: what collects the licences takes a shared module for a part of the package that it is run in.
  const code = await run(process.execPath, [builder, ...core, join(root, 'plugin')], {
    ...{ cwd: join(root, 'plugin'), stdio: ['ignore', 'ignore', 'inherit'] },
  })
  if (code !== 0) throw new Missing('Bundling the plugin failed; what it lacked is named above.')
  await bundleEngine()
  for (const path of [`${BUILT}/package.json`, `${BUILT}/schemas/${NAME}/package.json.orig`]) hostsOnly(path)
}

/** What computes a model in a browser, beside the bundle: it is fetched by its address, by those who ask for it only. */
async function bundleEngine() {
  const { build } = await import('esbuild')
  const outdir = join(root, BUILT, 'static', 'compute')
  await build({
    entryPoints: ['browser', 'worker'].map(name => join(root, 'plugin', 'lib', 'compute', `${name}.js`)),
    ...{ bundle: true, splitting: true, format: 'esm', platform: 'browser', target: 'es2022', minify: true },
    ...{ tsconfigRaw: {}, outdir, logLevel: 'error' },
  })
  copyFileSync(join(root, 'node_modules', 'onnxruntime-web', 'dist', WASM), join(outdir, WASM))
}

/** Of what a bundle was made of it needs what JupyterLab gives it, in any version of its kind: JupyterLab checks that. */
function hostsOnly(path) {
  const { dependencies, devDependencies: _, ...about } = JSON.parse(readFileSync(join(root, path), 'utf8'))
  const hosts = Object.entries(dependencies).filter(([name]) => /^(@jupyterlab\/|@lumino\/|react)/.test(name))
  const any = Object.fromEntries(hosts.map(([name, version]) => [name, version.replace(/^\^?/, '^')]))
  writeFileSync(join(root, path), `${JSON.stringify({ ...about, dependencies: any }, null, 2)}\n`)
}

/** Puts the plugin where the JupyterLab of a Python environment finds it. @param prefix the environment's folder */
export function installPlugin(prefix) {
  const folder = join(prefix, 'share', 'jupyter', 'labextensions', NAME)
  copyPlugin(`${folder}.new`)
  rmSync(folder, { recursive: true, force: true })
  renameSync(`${folder}.new`, folder)
}

/** Copies what was built, without the stamp. */
export function copyPlugin(to) {
  rmSync(to, { recursive: true, force: true })
  mkdirSync(to, { recursive: true })
  cpSync(join(root, BUILT), to, { recursive: true, filter: path => basename(path) !== '.built' })
}
