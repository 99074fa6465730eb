import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { install, kernelFolder, uninstall } from '../../kernel-ext/src/install.js'

const root = mkdtempSync(join(tmpdir(), 'lora-harness-install-'))
afterAll(() => rmSync(root, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

test('installing writes a kernel.json with absolute paths, as often as it is asked for; uninstalling takes it away', () => {
  const prefix = join(root, 'prefix')
  const folder = install({ prefix })
  expect(folder).toBe(join(prefix, 'share/jupyter/kernels/lora-harness'))
  expect(install({ prefix })).toBe(folder)
  expect(readdirSync(folder).sort()).toEqual(['kernel.json', 'logo-svg.svg'])
  const spec = JSON.parse(readFileSync(join(folder, 'kernel.json'), 'utf8'))
  expect(spec).toMatchObject({ display_name: 'TypeScript (LoRA Harness)', language: 'typescript' })
  expect(spec.argv[0]).toBe(process.execPath)
  expect(spec.argv.at(-2)).toMatch(/^(\/|[A-Z]:).*kernel-ext.dist.kernel.main\.js$/)
  expect(spec.argv.at(-1)).toBe('{connection_file}')
  expect(uninstall({ prefix })).toBe(folder)
  expect(uninstall({ prefix })).toBeUndefined()
})

test('for a user it goes where JUPYTER_DATA_DIR says, or where Jupyter looks by itself', () => {
  vi.stubEnv('JUPYTER_DATA_DIR', join(root, 'data'))
  expect(kernelFolder({ user: true })).toBe(join(root, 'data/kernels/lora-harness'))
  vi.stubEnv('JUPYTER_DATA_DIR', '')
  expect(kernelFolder({ user: true })).toMatch(/[Jj]upyter.kernels.lora-harness$/)
})

test('without a Python, --sys-prefix says what to do', () => {
  vi.stubEnv('PATH', root)
  expect(() => install({ sysPrefix: true })).toThrow(/^--sys-prefix asks python3? for its folder, and .* --prefix\.$/)
})

test("a folder that cannot be written, and another's kernel of this name, are said", () => {
  writeFileSync(join(root, 'file'), '')
  expect(() => install({ prefix: join(root, 'file') })).toThrow(/^Installing the kernel in .*file.share.*ENOTDIR/)
  const foreign = join(root, 'foreign/share/jupyter/kernels/lora-harness')
  mkdirSync(foreign, { recursive: true })
  writeFileSync(join(foreign, 'kernel.json'), '{ "argv": ["python"] }')
  expect(() => uninstall({ prefix: join(root, 'foreign') })).toThrow(/its kernel\.json starts something else/)
  expect(readdirSync(foreign)).toEqual(['kernel.json'])
})
