import { InputError } from '../errors.js'
import { tensorName } from '../rules/lora.js'
import { modulesOf } from './adapter.js'
import { adapterFolder } from './folder.js'
import { LoRAHandle } from './handle.js'
import { readPeft, writePeft } from './peft.js'

/**
 * An adapter without some of its modules, saved where new adapters are saved; the others stay the same to the last bit.
 * What an answer loses by it tells what the change of a module is worth, which its size does not.
 *
 * @param lora null is the base model, which has no module to leave out
 * @param modules full names, such as `model.layers.0.self_attn.q_proj`
 * @returns null, the base model, if nothing is left
 * @throws InputError if there is no adapter, it has no path or no such module; StorageError if it cannot be saved
 */
export function withoutModules(lora: LoRAHandle | null, modules: readonly string[]): LoRAHandle | null {
  const what = `leaving out ${modules.join(', ')}`
  if (lora === null) throw new InputError(`${what}: there is no adapter, only the base model`)
  if (lora.path === undefined) throw new InputError(`${what}: adapter ${lora.identifier} has no path to read it from`)
  const { adapter, base } = readPeft(lora.path)
  const all = modulesOf(adapter)
  const unknown = modules.find(module => !all.includes(module))
  if (unknown !== undefined)
    throw new InputError(`${what}: adapter ${lora.identifier} has no module ${unknown}; it has ${all.join(', ')}`)
  if (all.every(module => modules.includes(module))) return null
  const out = new Set(modules.flatMap(module => [tensorName(module, 'A'), tensorName(module, 'B')]))
  const tensors = new Map([...adapter.tensors].filter(([name]) => !out.has(name)))
  return new LoRAHandle(writePeft({ ...adapter, tensors }, adapterFolder(), base))
}
