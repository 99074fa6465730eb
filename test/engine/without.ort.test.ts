import { expect, test } from 'vitest'
import { LoRAModel } from '../../src/engine/model.js'
import { modulesOf } from '../../src/lora/adapter.js'
import { setAdapterFolder } from '../../src/lora/folder.js'
import { LoRAHandle } from '../../src/lora/handle.js'
import { readPeft, writePeft } from '../../src/lora/peft.js'
import { withoutModules } from '../../src/lora/without.js'
import { tensorName } from '../../src/rules/lora.js'
import { fixture, reference, TABLE } from '../helpers/fixtures.js'
import { temporaryFolder } from '../helpers/folder.js'

test('a model answers as if the module had not been trained', async () => {
  const folder = temporaryFolder()
  setAdapterFolder(folder)
  const { name, reference: of } = TABLE.find(d => d.name === 'tiny-llama-genai' && d.dtype === 'fp32')!
  const model = await LoRAModel.load(fixture(name), { device: 'cpu', dtype: 'fp32' })
  const { inputIds } = reference(of)
  const path = `${fixture(of)}/adapter`
  const whole = new LoRAHandle({ identifier: of, path })
  const { adapter, base } = readPeft(path)
  const module = modulesOf(adapter)[0]!
  const B = adapter.tensors.get(tensorName(module, 'B'))!
  const zero = new Map(adapter.tensors).set(tensorName(module, 'B'), { ...B, data: new Float32Array(B.data.length) })
  const untrained = new LoRAHandle(writePeft({ ...adapter, tensors: zero }, folder, base))
  const answer = async (lora: LoRAHandle | null) => [...(await model.logits(inputIds, { lora })).data]
  const less = await answer(withoutModules(whole, [module]))
  expect(less).toEqual(await answer(untrained))
  expect(less).not.toEqual(await answer(whole))
  await model.dispose()
})
