import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { weightFile } from '../models/dtypes.js'
import { sha256OfFile } from '../models/home.js'
import { type LoadedModel, loadedModels } from '../models/loaded.js'
import type { ModelFiles } from './run-info.js'

const hashes = new Map<string, Promise<ModelFiles>>()

/** Every model that this process has loaded, with the hashes of its files; each file is read once. */
export async function modelFiles(): Promise<ModelFiles[]> {
  const models = loadedModels().map(model => {
    const key = JSON.stringify([model.place, model.dtype, model.device])
    const known = hashes.get(key) ?? hash(model)
    hashes.set(key, known)
    return [key, known] as const
  })
  return Promise.all(new Map(models).values())
}

async function hash({ id, dtype, device, place }: LoadedModel): Promise<ModelFiles> {
  const weights = weightFile(dtype)
  const inFolder = (folder: string) => (existsSync(join(place, folder)) ? readdirSync(join(place, folder)) : [])
  const names = [
    ...inFolder('.').filter(name => name.endsWith('.json') && name !== 'manifest.json'),
    // model.onnx and the files of its weights, such as model.onnx_data.
    ...inFolder('onnx')
      .map(name => `onnx/${name}`)
      .filter(name => name.startsWith(weights)),
  ]
  const files: Record<string, string> = {}
  for (const name of names.sort()) files[name] = await sha256OfFile(join(place, name))
  return { id, dtype, device, files }
}
