import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeProject, makeTemplate, type Project } from './project.js'

const folder = mkdtempSync(join(tmpdir(), 'lora-harness-setup-'))
const PYTHON = { PYTHON: '1' }
let project: Project

beforeAll(() => makeTemplate(join(folder, 'template')))
beforeEach(({ task }) => {
  project = makeProject(join(folder, 'template'), join(folder, task.id))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('npm start', () => {
  test('sets up what is missing, runs the experiment, and leaves with its exit code', async () => {
    const first = await project.script('start', { args: ['--limit', '2'], env: { ...PYTHON, RUN: '3' } })
    expect(first.output).toContain('• Packages: installing')
    expect(first.output).toContain('• Build: compiling')
    expect(first.output).toContain('• Model: downloading')
    expect(first.output).toContain('running run experiments/embedded.ts --limit 2')
    expect(first.code).toBe(3)

    const second = await project.script('start')
    expect(second.output).toMatch(/Packages: up to date\.\n• Build: up to date\.\n• Model: up to date/)
    expect(second.output).not.toContain('ing what')
    expect(second.code).toBe(0)
  })

  test('does again what its input changed', async () => {
    await project.script('start', { env: PYTHON })
    project.write('src/new.js', '')
    const built = await project.script('start')
    expect(built.output).toMatch(/Packages: up to date\.\n• Build: compiling/)
    expect(existsSync(join(project.folder, 'dist/new.js'))).toBe(true)
    rmSync(join(project.folder, 'node_modules'), { recursive: true })
    expect((await project.script('start')).output).toMatch(/Packages: installed\.\n• Build: up to date/)
  })

  test('a build that fails is said, and nothing runs', async () => {
    project.write('src/index.js', 'broken')
    const { code, output } = await project.script('start', { env: PYTHON })
    expect(output).toMatch(/src\/index\.js\(1,1\): error\n\nThe build failed/)
    expect(output).not.toMatch(/running|at file:/)
    expect(code).toBe(1)
  })

  test('packages that cannot be installed are said', async () => {
    project.write('package-lock.json', '{}')
    const { code, output } = await project.script('start', { env: PYTHON })
    expect(output).toMatch(/npm ci failed with exit code \d+; its output is above/)
    expect(code).toBe(1)
  })

  test('Ctrl-C in the build: leaves with 130, and the next start builds again', async () => {
    const stopped = await project.script('start', {
      env: { ...PYTHON, BUILD_MS: '60000' },
      watch: (output, child) => void (output.includes('• Build: compiling') && child.kill('SIGINT')),
    })
    expect(stopped.output).toContain('Interrupted. What was finished is kept')
    expect(stopped.code).toBe(130)
    expect((await project.script('start', { env: PYTHON })).output).toMatch(
      /Packages: up to date\.\n• Build: compiling/,
    )
  })

  test('Ctrl-C in the run goes to the run', async () => {
    const { code, output } = await project.script('start', {
      env: { ...PYTHON, RUN_MS: '60000' },
      watch: (output, child) => void (output.includes('running') && child.kill('SIGINT')),
    })
    expect(output).toContain('running run experiments/embedded.ts')
    expect(code).toBe(130)
  })

  test('without Python: as root on Debian it is installed; if that does not help, the command is named', async () => {
    const { code, output } = await project.script('start')
    expect(output).toContain('with venv and pip: python3 is not installed.')
    expect(output).toContain('sudo apt-get install -y python3 python3-pip')
    const asked = process.getuid?.() === 0 && existsSync('/etc/debian_version')
    expect(output.includes('apt-get was asked: install -y -qq python3 python3-pip')).toBe(asked)
    expect(code).toBe(1)
  })

  test('a model that cannot be had is a message, not a stack', async () => {
    const { code, output } = await project.script('start', { env: { ...PYTHON, MODEL: 'downloading: no network' } })
    expect(output).toMatch(/\ndownloading: no network\n$/)
    expect(code).toBe(1)
  })
})

describe('npm test', () => {
  test('checks, runs every test and ends with the numbers', async () => {
    const { code, output } = await project.script('test', { env: PYTHON, args: ['test/cli'] })
    expect(output).toMatch(
      /checked[\s\S]*vitest run --project=unit --project=ort (--project=ui )?--project=notebook --project=model test\/cli[\s\S]*\n3 passed, 1 failed, 2 skipped\n$/,
    )
    expect(code).toBe(0)
    expect(output).toContain('making a Python environment')
    const again = await project.script('test')
    expect(again.output).not.toContain('making a Python environment')
    expect(again.output).toContain('--project=notebook')
  })

  test('without Python packages for notebooks: their tests are left out and named', async () => {
    const { code, output } = await project.script('test', { env: { ...PYTHON, VENV_FAILS: '1' } })
    expect(output).toMatch(/vitest run --project=unit --project=ort( --project=ui)? --project=model\n/)
    expect(output).toMatch(/The tests of the notebook kernel did not run\. python3 -m venv .* failed \(see above\)/)
    expect(code).toBe(0)
  })

  test.each([
    ['check', { CHECK: '1' }, 'npm run check failed'],
    ['tests', { TESTS: '1' }, '3 passed'],
  ])('fails where the %s fail', async (_, env, text) => {
    const { code, output } = await project.script('test', { env: { ...PYTHON, ...env } })
    expect(output).toContain(text)
    expect(output).toContain('vitest run')
    expect(code).toBe(1)
  })

  test('without the model: its tests are left out and named; in CI that is a failure', async () => {
    const env = { ...PYTHON, MODEL: 'no network' }
    const here = await project.script('test', { env })
    expect(here.output).toMatch(/vitest run --project=unit --project=ort( --project=ui)? --project=notebook\n/)
    expect(here.output).toContain('The tests with the embedded model did not run. no network')
    expect(here.code).toBe(0)
    const ci = await project.script('test', { env: { ...env, CI: 'true' } })
    expect(ci.output).not.toContain('vitest')
    expect(ci.code).toBe(1)
  })
})

test.each([
  ['18.20.0', false],
  ['20.18.3', false],
  ['20.19.0', true],
  ['22.0.0', true],
])('Node %s is new enough: %s', async (version, fits) => {
  const script = '../../scripts/setup.mjs' // A variable, because it has no types.
  const { nodeProblem } = (await import(script)) as { nodeProblem: (version: string) => string | undefined }
  const problem = nodeProblem(version)
  expect(problem === undefined).toBe(fits)
  if (!fits) expect(problem).toContain(`this is Node ${version}`)
})
