import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { HarnessError, InputError, messageOf } from '../errors.js'
import { type Adapter, identify, modulesOf, patternValue, ranksOf } from './adapter.js'
import { readSafetensors, writeSafetensors } from './safetensors.js'

const WEIGHTS = 'adapter_model.safetensors'
const CONFIG = 'adapter_config.json'
/** Largest adapter_config.json accepted [bytes]. */
const MAX_CONFIG = 10_000_000

const positive = z.number().positive().finite()
const unset = (name: string) =>
  z.union([z.null(), z.literal(false)], `adapters that set ${name} are not plain B·A and cannot be used`).optional()
const configSchema = z.object({
  peft_type: z.literal('LORA', 'only peft_type LORA can be used').default('LORA'),
  r: z.number().int().positive(),
  lora_alpha: positive,
  use_rslora: z.boolean().default(false),
  rank_pattern: z.record(z.string().max(500), z.number().int().positive()).nullish(),
  alpha_pattern: z.record(z.string().max(500), positive).nullish(),
  // These change what an adapter computes in ways that are not B·A.
  use_dora: z.literal(false, 'DoRA adapters (use_dora) are not B·A and cannot be used').nullish(),
  modules_to_save: z.array(z.string()).max(0, 'modules_to_save replaces whole modules and cannot be used').nullish(),
  fan_in_fan_out: z.literal(false, 'fan_in_fan_out is not supported').nullish(),
  bias: z.literal('none', 'trained biases (bias) are not supported').nullish(),
  lora_bias: z.literal(false, 'trained biases (lora_bias) are not supported').nullish(),
  alora_invocation_tokens: unset('alora_invocation_tokens'),
  arrow_config: unset('arrow_config'),
  layer_replication: unset('layer_replication'),
  target_parameters: unset('target_parameters'),
  trainable_token_indices: unset('trainable_token_indices'),
  use_bdlora: unset('use_bdlora'),
  use_qalora: unset('use_qalora'),
  // The others (pissa, olora, corda, loftq, …) leave a base model behind that is not the one named.
  init_lora_weights: z
    .union(
      [z.boolean(), z.enum(['gaussian', 'eva', 'orthogonal'])],
      'adapters whose initialisation alters the base model cannot be used',
    )
    .nullish(),
})

/** What an adapter file says about the model it was trained on. */
export interface BaseModel {
  /** Hub id or folder name. */
  name: string
  /** Hash that tells apart bases of the same shape; '' if the file does not say. */
  fingerprint: string
}

/**
 * Reads an adapter in PEFT's format: a folder with `adapter_config.json` and `adapter_model.safetensors`.
 *
 * @throws InputError naming the file and what is wrong with it
 */
export function readPeft(folder: string): { adapter: Adapter; base: BaseModel } {
  const file = (name: string, limit: number): Uint8Array => {
    const path = join(folder, name)
    try {
      const { size } = statSync(path)
      if (size > limit) throw new Error(`${size} bytes; at most ${limit} are read`)
      return readFileSync(path)
    } catch (cause) {
      throw new InputError(`reading adapter ${path}: ${messageOf(cause)}`, { cause })
    }
  }
  const raw = json(file(CONFIG, MAX_CONFIG), join(folder, CONFIG))
  const parsed = configSchema.safeParse(raw)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new InputError(`reading adapter ${join(folder, CONFIG)}: ${issue.path.join('.') || 'file'}: ${issue.message}`)
  }
  const c = parsed.data
  const { tensors, metadata } = readSafetensors(file(WEIGHTS, 2 ** 31), join(folder, WEIGHTS))
  const adapter: Adapter = {
    config: {
      r: c.r,
      alpha: c.lora_alpha,
      rslora: c.use_rslora,
      rankPattern: c.rank_pattern ?? {},
      alphaPattern: c.alpha_pattern ?? {},
    },
    tensors,
  }
  requirePairs(adapter, join(folder, WEIGHTS))
  const name = (raw as { base_model_name_or_path?: unknown }).base_model_name_or_path
  return { adapter, base: { name: typeof name === 'string' ? name : '', fingerprint: metadata.base_fingerprint ?? '' } }
}

/** Every A [r, in] has its B [out, r], of the rank that the configuration says. */
function requirePairs({ config, tensors }: Adapter, file: string): void {
  const fail = (what: string): never => {
    throw new InputError(`reading adapter ${file}: ${what}`)
  }
  if (tensors.size === 0) fail('it holds no tensors')
  for (const [name, t] of tensors) {
    const match = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(name)
    if (!match) fail(`tensor ${name} is not a LoRA factor (base_model.model.<module>.lora_A.weight or lora_B.weight)`)
    const [, module, factor] = match as unknown as [string, string, string]
    const other = tensors.get(name.replace(/lora_[AB]\.weight$/, `lora_${factor === 'A' ? 'B' : 'A'}.weight`))
    const r = patternValue(config.rankPattern, module, config.r)
    if (!other) fail(`module ${module} has lora_${factor} alone`)
    if (t.dims.length !== 2 || t.dims[factor === 'A' ? 0 : 1] !== r)
      fail(`tensor ${name} is [${t.dims}], the configuration says rank ${r}`)
  }
}

function json(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new InputError(`reading ${file}: no JSON: ${messageOf(cause)}`, { cause })
  }
}

/** adapter_config.json as PEFT writes it. */
function configOf(adapter: Adapter, base: BaseModel): Record<string, unknown> {
  const { r, alpha, rslora, rankPattern, alphaPattern } = adapter.config
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base.name,
    r,
    lora_alpha: alpha,
    lora_dropout: 0,
    target_modules: [...ranksOf(adapter).keys()].sort(),
    rank_pattern: rankPattern,
    alpha_pattern: alphaPattern,
    use_rslora: rslora,
    use_dora: false,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    modules_to_save: null,
  }
}

/**
 * Writes an adapter into `<parent>/<identifier>/` in PEFT's format: whole or not at all (temporary folder, fsync,
 * rename). An adapter that is there already is left alone, for its name says what is in it.
 *
 * @returns identifier and absolute path of the folder
 * @throws HarnessError if it cannot be written (disk full, no permission); nothing half made is left
 */
export function writePeft(adapter: Adapter, parent: string, base: BaseModel): { identifier: string; path: string } {
  const identifier = identify(adapter)
  const path = resolve(parent, identifier)
  if (existsSync(path)) return { identifier, path }
  const temporary = resolve(parent, `.${identifier.slice(0, 12)}-${process.pid}-${randomBytes(4).toString('hex')}`)
  try {
    mkdirSync(temporary, { recursive: true })
    writeDurably(
      join(temporary, WEIGHTS),
      writeSafetensors({ tensors: adapter.tensors, metadata: { format: 'pt', base_fingerprint: base.fingerprint } }),
    )
    writeDurably(
      join(temporary, CONFIG),
      new TextEncoder().encode(`${JSON.stringify(configOf(adapter, base), null, 2)}\n`),
    )
    try {
      renameSync(temporary, path)
    } catch (cause) {
      // Another process may have written the same adapter meanwhile.
      if (!existsSync(path)) throw cause
      rmSync(temporary, { recursive: true })
    }
  } catch (cause) {
    if (existsSync(temporary)) rmSync(temporary, { recursive: true })
    throw new HarnessError(
      `saving adapter ${identifier.slice(0, 12)} (${modulesOf(adapter).length} modules) in ${parent}: ${messageOf(cause)}`,
      { cause },
    )
  }
  return { identifier, path }
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'wx')
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
