import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** npm's own script, so that it runs whatever PATH says. */
const npmScript =
  process.env.npm_execpath ??
  realpathSync(spawnSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).stdout.trim())

/** Sources of a project that the scripts set up without a network: its compiler copies, its tests count to three. */
const FILES: Record<string, string> = {
  'package.json': JSON.stringify({
    name: 'fake',
    version: '1.0.0',
    type: 'module',
    workspaces: ['kernel-ext'],
    scripts: { check: 'node check.mjs' },
    dependencies: { typescript: 'file:fake-tsc', vitest: 'file:fake-vitest' },
  }),
  'kernel-ext/package.json': '{ "name": "kernel", "version": "1.0.0" }',
  'kernel-ext/tsconfig.json': '{}',
  'kernel-ext/src/index.js': '',
  'tsconfig.json': '{}',
  'tsconfig.build.json': '{}',
  'check.mjs': "console.log('checked'); process.exit(Number(process.env.CHECK ?? 0))",
  'fake-tsc/package.json': '{ "name": "typescript", "version": "1.0.0" }',
  'fake-tsc/bin/tsc': `const fs = require('fs')
    if (fs.readFileSync('src/index.js', 'utf8').includes('broken')) { console.log('src/index.js(1,1): error'); process.exit(1) }
    const at = require('path').dirname(process.argv[3])
    setTimeout(() => fs.cpSync(at + '/src', at + '/dist', { recursive: true }), Number(process.env.BUILD_MS ?? 0))`,
  'fake-vitest/package.json': '{ "name": "vitest", "version": "1.0.0" }',
  'fake-vitest/vitest.mjs': `import { writeFileSync } from 'node:fs'
    console.log('vitest', process.argv.slice(2).filter(arg => !/^--(reporter|outputFile)/.test(arg)).join(' '))
    const file = process.argv.find(arg => arg.startsWith('--outputFile.json=')).slice(18)
    writeFileSync(file, JSON.stringify({ numPassedTests: 3, numFailedTests: 1, numPendingTests: 1, numTodoTests: 1 }))
    process.exit(Number(process.env.TESTS ?? 0))`,
  'src/index.js': '',
  'src/cli/main.js': `console.log('running', process.argv.slice(2).join(' '))
    process.on('SIGINT', () => process.exit(130))
    setTimeout(() => process.exit(Number(process.env.RUN ?? 0)), Number(process.env.RUN_MS ?? 0))`,
  'src/cli/python.js': `export const PYTHON_PACKAGES = ['python3', 'python3-pip']
    export const findPython = () => (process.env.PYTHON ? { version: '3.11.0' } : { problem: 'python3 is not installed' })`,
  'src/models/wheel.js': "export const SMOLLM2_WHEEL = {}; export const wheelPath = () => 'no-wheel'",
  'src/models/embedded.js': `import { existsSync, writeFileSync } from 'node:fs'
    export const embeddedModelFolder = () => 'model'
    export async function ensureEmbeddedModel({ log }) {
      if (process.env.MODEL) throw Object.assign(new Error(process.env.MODEL), { name: 'HarnessError' })
      if (!existsSync('model')) { log('downloading'); writeFileSync('model', '') }
    }`,
}

export interface Project {
  folder: string
  write(name: string, text: string): void
  /** Runs `scripts/<name>.mjs`; `watch` sees the output so far whenever more comes. */
  script(
    name: string,
    options?: { args?: string[]; env?: Record<string, string>; watch?: (output: string, child: ChildProcess) => void },
  ): Promise<{ code: number | null; output: string }>
}

/** `python3 -m venv FOLDER` with a Python in it that takes every command. */
const PYTHON = `#!/bin/sh
[ -n "$VENV_FAILS" ] && exit 1
mkdir -p "$3/bin"; echo '#!/bin/sh' > "$3/bin/python"; chmod +x "$3/bin/python"
`

/** A project with this project's scripts and nothing installed. apt-get and python3 are scripts. */
export function makeTemplate(folder: string): void {
  for (const [name, text] of Object.entries(FILES)) write(folder, name, text)
  cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true })
  // What bundles the plugin is tested with the plugin.
  write(
    folder,
    'scripts/plugin.mjs',
    'export const buildPlugin = async () => {}; export const installPlugin = () => {}',
  )
  write(folder, 'bin/apt-get', '#!/bin/sh\necho "apt-get was asked: $@"\n')
  chmodSync(join(folder, 'bin/apt-get'), 0o755)
  write(folder, 'bin/python3', PYTHON)
  chmodSync(join(folder, 'bin/python3'), 0o755)
  const install = [npmScript, 'install', '--package-lock-only', '--offline']
  const lock = spawnSync(process.execPath, install, { cwd: folder, encoding: 'utf8' })
  if (lock.status !== 0) throw new Error(lock.stderr)
}

function write(folder: string, name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}

/** A copy of the template in `folder`. */
export function makeProject(template: string, folder: string): Project {
  cpSync(template, folder, { recursive: true })
  return {
    folder,
    write: (name, text) => write(folder, name, text),
    script(name, { args = [], env = {}, watch } = {}) {
      const PATH = `${join(folder, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`
      const { CI: _, ...rest } = process.env
      const child = spawn(process.execPath, [`scripts/${name}.mjs`, ...args], {
        cwd: folder,
        env: {
          ...rest,
          LORA_HARNESS_HOME: join(folder, 'home'),
          npm_execpath: npmScript,
          npm_config_offline: 'true',
          PATH,
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', text => {
          output += text
          watch?.(output, child)
        })
      return new Promise(resolve => child.on('close', code => resolve({ code, output })))
    },
  }
}
