import * as transformers from '@huggingface/transformers'
import { platform } from '#platform'
import { InputError, messageOf } from '../errors.js'
import { type Graph, isExternal } from '../graph/graph.js'
import { findSites } from '../lora/modules.js'
import { sha256 } from '../lora/sha256.js'
import { BY_EXACTNESS, FILES, HALF, type ModelDType, weightFile } from '../models/dtypes.js'
import { noteLoaded } from '../models/loaded.js'
import { readOnnx } from '../onnx/read.js'
import type { LoraGroup, LoraSite } from '../rules/lora.js'
import { inferenceGraph } from './compile.js'
import { type Choice, chooseDevice } from './device.js'
import { inParts, longAttentionIsRight } from './parts.js'
import type { Device, ModelFiles, Weights } from './platform.js'
import { createSession, type Session } from './session.js'
import { keepingInputs } from './transfer.js'

/** A model as it was found and loaded. */
export interface Parts {
  id: string
  dtype: ModelDType
  device: Device
  /** Why this device. */
  deviceReason: string
  /** Where the graph's large constants lie. */
  weights: Weights
  exported: Graph
  sites: LoraSite[]
  groups: LoraGroup[]
  session: Session
  tokenizer: transformers.PreTrainedTokenizer
  config: transformers.PretrainedConfig
  generationConfig: object
  fingerprint: string
}

/** Which device, and which of a model's files. */
export interface Found {
  choice: Choice
  files: ModelFiles
}

/**
 * Finds a model's files, and the device for it.
 *
 * @param dtype `auto`: of the files that are there, the most exact one that the device can compute with
 * @throws InputError for an unknown id, missing files, a device that cannot serve
 */
export async function findModel(
  idOrFolder: string,
  { device = 'auto', dtype = 'auto' }: { device?: Device | 'auto'; dtype?: ModelDType | 'auto' } = {},
): Promise<Found> {
  const choice = await chooseDevice(device, `loading ${idOrFolder}`)
  return { choice, files: await platform.openModel(idOrFolder, wanted(idOrFolder, dtype, choice)) }
}

/**
 * Reads a model's graph and files, and makes its inference session.
 *
 * @throws InputError for damaged files, a graph that is not supported
 */
export async function loadParts({ choice, files }: Found): Promise<Parts> {
  const { device } = choice
  const { id } = files
  const path = weightFile(files.dtype)
  const file = path.slice('onnx/'.length)
  const exported = readOnnx(await files.read(path), file)
  const weights = await files.weights([
    ...new Set([...exported.consts.values()].flatMap(c => (isExternal(c.data) ? c.data.file : []))),
  ])
  const [tokenizer, config] = await tokenizerAndConfig(files)
  const sites = findSites(exported, id, config.model_type ?? undefined)
  const { graph, groups } = inferenceGraph(exported, sites)
  const generationConfig = await readJson(files, 'generation_config.json')
  const session = await createSession(graph, `${id} (${file})`, {
    weights,
    device,
    purpose: 'inference',
    stay: output => output.startsWith('present'),
  })
  const fused = graph.nodes.some(n => /GroupQueryAttention|MultiHeadAttention/.test(n.op))
  const parts = device === 'webgpu' && fused && !(await longAttentionIsRight(device, platform.devices.at(-1)!))
  if (parts) inParts(session)
  const deviceReason =
    choice.reason + (parts ? '; prompts are read in parts, because its attention over many tokens is wrong' : '')
  noteLoaded({ id, dtype: files.dtype, device, deviceReason, place: files.place })
  return {
    id,
    dtype: files.dtype,
    device,
    deviceReason,
    weights,
    exported,
    sites,
    groups,
    session: device === 'webgpu' ? keepingInputs(session, input => input.startsWith('lora.')) : session,
    tokenizer,
    config,
    generationConfig,
    fingerprint: await fingerprintOf(exported, files),
  }
}

/** The dtypes that will do, the best first. */
function wanted(id: string, dtype: ModelDType | 'auto', { device, half }: Choice): [ModelDType, ...ModelDType[]] {
  /** What a file needs that the device has not. */
  const lacks = (d: ModelDType): string | undefined => {
    if (!half && HALF.includes(d)) return 'half floats'
    return device === 'webgpu' && d === 'int8' ? 'products of eight-bit integers' : undefined
  }
  const fitting = BY_EXACTNESS.filter(d => !lacks(d)) as [ModelDType, ...ModelDType[]]
  if (dtype === 'auto') return fitting
  if (!Object.hasOwn(FILES, dtype))
    throw new InputError(
      `loading ${id}: dtype ${JSON.stringify(dtype)} is not served; use auto, ${Object.keys(FILES).join(', ')}`,
    )
  if (lacks(dtype))
    throw new InputError(
      `loading ${id}: ${device} has no ${lacks(dtype)} here, which ${dtype} needs; use ${fitting.join(', ')}`,
    )
  return [dtype]
}

async function tokenizerAndConfig(
  files: ModelFiles,
): Promise<[transformers.PreTrainedTokenizer, transformers.PretrainedConfig]> {
  const [json, settings, configJson] = await Promise.all(
    ['tokenizer.json', 'tokenizer_config.json', 'config.json'].map(name => readJson(files, name)),
  )
  try {
    const { tokenizer_class = 'PreTrainedTokenizer' } = settings as { tokenizer_class?: string }
    const classes = transformers as unknown as Record<string, typeof transformers.PreTrainedTokenizer>
    const Class = classes[tokenizer_class.replace(/Fast$/, '')] ?? transformers.PreTrainedTokenizer
    const config = await transformers.AutoConfig.from_pretrained('', { config: configJson as never })
    const { vocab_size: vocabulary } = config as { vocab_size?: unknown }
    if (!Number.isInteger(vocabulary))
      throw new InputError(`config.json must give a vocab_size, found ${JSON.stringify(vocabulary)}`)
    return [new Class(json as never, settings as never), config]
  } catch (cause) {
    if (cause instanceof InputError) throw new InputError(`loading ${files.id}: ${cause.message}`, { cause })
    throw new InputError(
      `loading ${files.id}: its tokenizer or config in ${files.place} cannot be used: ${messageOf(cause)}`,
      { cause },
    )
  }
}

async function readJson(files: ModelFiles, name: string): Promise<object> {
  const bytes = await files.read(name)
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new InputError(`loading ${files.id}: ${files.place}/${name} is no JSON: ${messageOf(cause)}`, { cause })
  }
}

/** Bytes of a large constant that go into the fingerprint. */
const SAMPLE = 4096

/**
 * Tells apart models of the same shape without reading all their weights: a hash of the graph and of the first 4 KiB
 * of every large constant.
 */
export async function fingerprintOf(g: Graph, files: ModelFiles): Promise<string> {
  const parts: (string | Uint8Array)[] = []
  for (const [name, c] of g.consts) {
    parts.push(`${name} ${c.type.dtype} ${c.type.dims}\n`)
    if (!isExternal(c.data)) parts.push(c.data)
    else parts.push(await files.part(c.data.file, c.data.offset, Math.min(SAMPLE, c.data.length)))
  }
  for (const n of g.nodes) parts.push(`${n.op} ${n.inputs} ${n.outputs} ${JSON.stringify(n.attrs)}\n`)
  return sha256(parts)
}
