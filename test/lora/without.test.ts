import { expect, test } from 'vitest'
import { modulesOf } from '../../src/lora/adapter.js'
import { setAdapterFolder } from '../../src/lora/folder.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import { readPeft, writePeft } from '../../src/lora/peft.js'
import { withoutModules } from '../../src/lora/without.js'
import { randomAdapter } from '../helpers/adapters.js'
import { temporaryFolder } from '../helpers/folder.js'

const folder = temporaryFolder()
const base = { name: 'a/model', fingerprint: '' }
const adapter = randomAdapter({ 'a.q_proj': { m: 3, n: 4, r: 2 }, 'a.k_proj': { m: 3, n: 4, r: 1 } }, 1)
const lora = new LoRAHandle(writePeft(adapter, folder, base))

test('the other modules stay the same to the last bit, at their own rank and scale', () => {
  setAdapterFolder(folder)
  const less = withoutModules(lora, ['a.q_proj'])!
  expect(less.identifier).not.toBe(lora.identifier)
  const read = readPeft(less.path!).adapter
  expect(modulesOf(read)).toEqual(['a.k_proj'])
  for (const [name, tensor] of read.tensors) expect(tensor).toEqual(adapter.tensors.get(name))
  expect(read.config).toEqual(adapter.config)
})

test('what is not there cannot be left out; with nothing left there is the base model', () => {
  expect(() => withoutModules(null, ['a.q_proj'])).toThrow('no adapter, only the base model')
  expect(() => withoutModules(lora, ['a.v_proj'])).toThrow(/has no module a\.v_proj; it has a\.[qk]_proj, a\.[qk]_proj/)
  expect(() => withoutModules(new LoRAHandle({ identifier: 'x' }), ['a.q_proj'])).toThrow('has no path')
  expect(withoutModules(lora, ['a.k_proj', 'a.q_proj'])).toBeNull()
})
