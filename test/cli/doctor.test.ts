import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { installed } from '../../src/record/versions.js'
import { cli, workFolder } from './cli.js'

const folder = workFolder()

test('on a machine without the model: one line a part, each with what to do, and code 1', async () => {
  const { code, output } = await cli(['doctor'], folder)
  expect(output).toMatch(new RegExp(`^ok +node +${process.versions.node} `, 'm'))
  expect(output).toMatch(new RegExp(`^ok +onnxruntime +${installed('onnxruntime-node')}$`, 'm'))
  expect(output).toMatch(/^ok +device cpu +answers the probe in [\d.]+ ms$/m)
  expect(output).toMatch(/^(ok|note) +device webgpu +(answers the probe|does not serve: )/m)
  expect(output).toContain(`commander ${installed('commander')}`)
  expect(output).toMatch(/^missing +model +not at .*smollm2-135m-instruct\n +→ npm start fetches and converts it/m)
  expect(output).toMatch(/^ok +cache +.*home, 0\.00 GiB/m)
  expect(output).toMatch(/^(ok|note) +disk +[\d.]+ GiB free$/m)
  expect(output).toMatch(/parts are missing\.\n$/)
  expect(code).toBe(1)
})

test('without Python: named, with the command that installs it', async () => {
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  const { code, output } = await cli(['doctor'], folder, undefined, { PATH: empty })
  expect(output).toMatch(/^missing +python +python3 is not installed; it fetches the embedded model$/m)
  expect(output).toContain('→ Debian, Ubuntu: sudo apt-get install -y python3 python3-venv python3-pip')
  expect(code).toBe(1)
})
