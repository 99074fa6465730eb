import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { platform } from '#platform'
import { InputError, quote } from '../errors.js'
import { type Graph, isExternal } from '../graph/graph.js'
import { parseJson } from '../json.js'
import { readBeside, writeBeside } from '../lora/beside.js'
import { isHubId } from '../lora/card.js'
import type { BaseModel } from '../lora/format.js'
import { findSites } from '../lora/modules.js'
import { BY_EXACTNESS, weightFile } from '../models/dtypes.js'
import { EMBEDDED_MODEL_ID, embeddedModelFolder } from '../models/embedded.js'
import { homeFolder } from '../models/home.js'
import { readOnnx } from '../onnx/read.js'
import { type LoraSite, modulesIn } from '../rules/lora.js'
import type { Tensor } from '../tensor.js'
import { baseWeights } from './base-weights.js'
import { fingerprintOf } from './load.js'
import type { ModelFiles, Weights } from './platform.js'

/** ‖W₀‖_F by module. */
export type BaseNorms = ReadonlyMap<string, number>

/**
 * How large the weights are that an adapter is added to: ‖W₀‖_F of every module of its base model. Nothing is
 * downloaded. The first call for a model reads all of its weights (some seconds for 135 million); what it found is kept
 * in LORA_HARNESS_HOME under the model's fingerprint.
 *
 * @param base what the adapter's files say; untrusted, so a path in it is not followed
 * @param model the model's folder or id; without it the one that the adapter names, if it is the embedded one or was
 * downloaded from the hub before
 * @throws InputError if the model is not here, or is another one than the adapter was trained on
 */
export async function findBaseNorms(base: BaseModel, model?: string): Promise<BaseNorms> {
  const known = recall(base.fingerprint)
  if (known) return known
  const found = await open(base, model)
  return recall(found.fingerprint) ?? measure(found)
}

/**
 * The weights W₀ [out, in] of one module of an adapter's base model, as float32: for `amplification` and the like.
 *
 * @param base,model as for {@link findBaseNorms}
 * @throws InputError as there, and if the model has no such module
 */
export async function findBaseWeights(base: BaseModel, module: string, model?: string): Promise<Tensor> {
  const { files, exported, sites, weights } = await open(base, model)
  const own = sites.filter(site => site.modules.some(m => m.name === module))
  const size = modulesIn(own).find(m => m.name === module)
  if (!size) throw new InputError(`the base model ${files.id} has no module ${quote(module)}`)
  const data = new Float32Array(size.out * size.in)
  for await (const part of baseWeights(exported, own, weights))
    if (part.module === module) data.set(part.data, part.first * size.in)
  return { dims: [size.out, size.in], data }
}

interface OpenModel {
  files: ModelFiles
  fingerprint: string
  exported: Graph
  sites: LoraSite[]
  weights: Weights
}

async function open(base: BaseModel, model: string | undefined): Promise<OpenModel> {
  const folder = folderOf(model ?? base.name, model !== undefined)
  const dtypes = folder ? BY_EXACTNESS.filter(dtype => existsSync(join(folder, weightFile(dtype)))) : []
  if (!folder || dtypes.length === 0)
    throw new InputError(
      model === undefined && base.name === ''
        ? 'the adapter does not say which base model it is of'
        : `the base model ${quote(model ?? base.name)} is not here: neither the embedded model, nor one from the hub that was used before, nor a folder given as such`,
    )
  for (const dtype of dtypes) {
    const files = await platform.openModel(folder, [dtype])
    const path = weightFile(dtype)
    const exported = readOnnx(await files.read(path), path.slice('onnx/'.length))
    const fingerprint = await fingerprintOf(exported, files)
    if (base.fingerprint && fingerprint !== base.fingerprint) continue
    const config = parseJson(await files.read('config.json'), `reading ${files.place}/config.json`)
    const sites = findSites(exported, files.id, (config as { model_type?: string }).model_type)
    const constants = [...exported.consts.values()].map(c => c.data).filter(isExternal)
    const weights = await files.weights([...new Set(constants.map(data => data.file))])
    return { files, fingerprint, exported, sites, weights }
  }
  throw new InputError(
    `the adapter was trained on another model than the one in ${folder}: its fingerprint is ${base.fingerprint.slice(0, 12)}, of none of ${dtypes.join(', ')} there`,
  )
}

/** Folder of a model on this machine: a hub's id is looked up among what was downloaded, other names are folders. */
function folderOf(model: string, given: boolean): string | undefined {
  const places = [
    ...(model === EMBEDDED_MODEL_ID ? [embeddedModelFolder()] : []),
    ...(isHubId(model) ? [join(homeFolder(), 'hub', model)] : []),
    ...(given ? [resolve(model)] : []),
  ]
  return places.find(existsSync)
}

const normsFolder = (): string => join(homeFolder(), 'base-norms')
const normsFile = (fingerprint: string): string => `${fingerprint}.json`
const keptNorms = z.record(z.string(), z.number().nonnegative())

function recall(fingerprint: string): BaseNorms | undefined {
  // It comes from an adapter's file and becomes part of a path.
  const bytes = /^[0-9a-f]{64}$/.test(fingerprint) ? readBeside(normsFolder(), normsFile(fingerprint)) : undefined
  if (!bytes) return undefined
  const path = join(normsFolder(), normsFile(fingerprint))
  const { success, data } = keptNorms.safeParse(parseJson(bytes, `reading ${path}`))
  if (!success) throw new InputError(`reading ${path}: it is damaged; delete it, and it is made again`)
  return new Map(Object.entries(data))
}

async function measure({ exported, sites, weights, fingerprint }: OpenModel): Promise<BaseNorms> {
  const squares = new Map<string, number>()
  for await (const { module, data } of baseWeights(exported, sites, weights)) {
    let sum = squares.get(module) ?? 0
    for (let i = 0; i < data.length; i++) sum += data[i]! ** 2
    squares.set(module, sum)
  }
  const norms = new Map([...squares].map(([module, sum]) => [module, Math.sqrt(sum)]))
  const text = `${JSON.stringify(Object.fromEntries(norms), null, 1)}\n`
  mkdirSync(normsFolder(), { recursive: true })
  writeBeside(normsFolder(), normsFile(fingerprint), new TextEncoder().encode(text))
  return norms
}
