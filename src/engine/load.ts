import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import * as transformers from '@huggingface/transformers'
import { InputError, messageOf } from '../errors.js'
import { type Graph, isExternal } from '../graph/graph.js'
import { findSites } from '../lora/modules.js'
import { resolveModel } from '../models/resolve.js'
import { readOnnx } from '../onnx/read.js'
import type { LoraGroup, LoraSite } from '../rules/lora.js'
import { inferenceGraph } from './compile.js'
import { createSession, type Session } from './session.js'

/** Which of a folder's weight files: `onnx/model.onnx`, `onnx/model_q4.onnx`. */
export const FILES = { fp32: 'model', q4: 'model_q4' } as const
export type ModelDType = keyof typeof FILES

/** A model as it was found and loaded. */
export interface Parts {
  id: string
  folder: string
  dtype: ModelDType
  exported: Graph
  sites: LoraSite[]
  groups: LoraGroup[]
  session: Session
  tokenizer: transformers.PreTrainedTokenizer
  config: transformers.PretrainedConfig
  generationConfig: object
  fingerprint: string
}

/**
 * Finds a model, reads its graph and files, and makes its inference session.
 *
 * @throws InputError for an unknown id, missing or damaged files, a graph that is not supported
 */
export async function loadParts(idOrFolder: string, dtype: ModelDType): Promise<Parts> {
  const { id, folder } = await resolveModel(idOrFolder, dtype)
  const file = `${FILES[dtype]}.onnx`
  const path = join(folder, 'onnx', file)
  const bytes = read(path, id)
  const exported = readOnnx(bytes, file)
  const fingerprint = fingerprintOf(exported, join(folder, 'onnx'))
  const sites = findSites(exported, id)
  const { graph, groups } = inferenceGraph(exported, sites)
  const [tokenizer, config] = await Promise.all([
    transformers.AutoTokenizer.from_pretrained(folder, { local_files_only: true }),
    transformers.AutoConfig.from_pretrained(folder, { local_files_only: true }),
  ]).catch((cause: unknown) => {
    throw new InputError(`loading ${id}: its tokenizer or config in ${folder} cannot be used: ${messageOf(cause)}`, {
      cause,
    })
  })
  const { vocab_size: vocabulary } = config as { vocab_size?: unknown }
  if (!Number.isInteger(vocabulary))
    throw new InputError(`loading ${id}: config.json must give a vocab_size, found ${JSON.stringify(vocabulary)}`)
  const generationConfig = readJson(join(folder, 'generation_config.json'), id)
  const session = await createSession(graph, `${id} (${file})`, { weights: join(folder, 'onnx'), purpose: 'inference' })
  return { id, folder, dtype, exported, sites, groups, session, tokenizer, config, generationConfig, fingerprint }
}

function read(path: string, id: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new InputError(`loading ${id}: ${messageOf(cause)}`, { cause })
  }
}

function readJson(path: string, id: string): object {
  try {
    return JSON.parse(new TextDecoder().decode(read(path, id)))
  } catch (cause) {
    if (cause instanceof InputError) throw cause
    throw new InputError(`loading ${id}: ${path} is no JSON: ${messageOf(cause)}`, { cause })
  }
}

/**
 * Tells apart models of the same shape without reading all their weights: a hash of the graph and of the first 4 KiB
 * of every large constant.
 */
function fingerprintOf(g: Graph, weights: string): string {
  const hash = createHash('sha256')
  const buffer = new Uint8Array(4096)
  const open = new Map<string, number>()
  try {
    for (const [name, c] of g.consts) {
      hash.update(`${name} ${c.type.dtype} ${c.type.dims}\n`)
      if (!isExternal(c.data)) {
        hash.update(c.data)
        continue
      }
      const fd = open.get(c.data.file) ?? openSync(join(weights, c.data.file), 'r')
      open.set(c.data.file, fd)
      const n = readSync(fd, buffer, 0, Math.min(buffer.length, c.data.length), c.data.offset)
      hash.update(buffer.subarray(0, n))
    }
    for (const n of g.nodes) hash.update(`${n.op} ${n.inputs} ${n.outputs} ${JSON.stringify(n.attrs)}\n`)
  } finally {
    for (const fd of open.values()) closeSync(fd)
  }
  return hash.digest('hex')
}
