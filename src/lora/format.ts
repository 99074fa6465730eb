import { z } from 'zod'
import { InputError } from '../errors.js'
import { parseJson } from '../json.js'
import { type Adapter, ranksOf } from './adapter.js'
import { adapterCard, type TrainingNotes } from './card.js'
import { patternValue } from './patterns.js'
import { readSafetensors, writeSafetensors } from './safetensors.js'
import { targetFields, targetTest } from './targets.js'

/** The files of an adapter in PEFT's format, and the most that is read of each [bytes]. */
export const PEFT_FILES = { 'adapter_config.json': 10_000_000, 'adapter_model.safetensors': 2 ** 31 } as const
const [CONFIG, WEIGHTS] = Object.keys(PEFT_FILES) as [string, string]

/** Most modules accepted, and most keys of a pattern. */
const MOST_MODULES = 50_000
const MOST_KEYS = 2_000

const positive = z.number().positive().finite()
const pattern = <T extends z.ZodNumber>(value: T) =>
  z
    .record(z.string(), value)
    .refine(p => Object.keys(p).length <= MOST_KEYS, `more than ${MOST_KEYS} keys`)
    .nullish()
const unset = (name: string) =>
  z.union([z.null(), z.literal(false)], `adapters that set ${name} are not plain B·A and cannot be used`).optional()
const configSchema = z.object({
  peft_type: z.literal('LORA', 'only peft_type LORA can be used').default('LORA'),
  r: z.number().int().positive(),
  lora_alpha: positive,
  use_rslora: z.boolean().default(false),
  rank_pattern: pattern(z.number().int().positive()),
  alpha_pattern: pattern(positive),
  ...targetFields,
  base_model_name_or_path: z.string().max(5_000).nullish(),
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
 * Why an adapter does not seem to be of a model that it fits; undefined if nothing speaks against it. Without a
 * fingerprint the names count, but for the owner, capitals and the format: exports are named after the original.
 */
export function baseMismatch(adapter: BaseModel, model: BaseModel): string | undefined {
  const plain = (name: string) =>
    name
      .split(/[\\/]/)
      .at(-1)!
      .toLowerCase()
      .replace(/[-_.]onnx\b.*$/, '')
  const same =
    adapter.fingerprint && model.fingerprint
      ? adapter.fingerprint === model.fingerprint
      : !adapter.name || plain(adapter.name) === plain(model.name)
  const shown = (name: string) => name.replace(/\p{C}+/gu, ' ').slice(0, 200) || 'unnamed'
  const short = (fingerprint: string) => fingerprint.slice(0, 12) || 'no fingerprint'
  return same
    ? undefined
    : `trained on another base model (${shown(adapter.name)}, ${short(adapter.fingerprint)}) than ${shown(model.name)} (${short(model.fingerprint)}); its answers may be nonsense`
}

/**
 * Reads an adapter from the files of PEFT's format: `adapter_config.json` and `adapter_model.safetensors`. What it
 * computes is what PEFT computes with the same files; where that cannot be had, it is refused.
 *
 * @param where their folder, for messages
 * @throws InputError naming the file and what is wrong with it
 */
export function decodePeft(
  files: ReadonlyMap<string, Uint8Array>,
  where: string,
): { adapter: Adapter; base: BaseModel } {
  const file = (name: string): Uint8Array => {
    const bytes = files.get(name)
    if (!bytes) throw new InputError(`reading adapter ${where}: there is no ${name}`)
    return bytes
  }
  const parsed = configSchema.safeParse(parseJson(file(CONFIG), `reading adapter ${where}/${CONFIG}`))
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new InputError(`reading adapter ${where}/${CONFIG}: ${issue.path.join('.') || 'file'}: ${issue.message}`)
  }
  const c = parsed.data
  const { tensors, metadata } = readSafetensors(file(WEIGHTS), `adapter ${where}/${WEIGHTS}`)
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
  requirePairs(adapter, targetTest(c), `${where}/${WEIGHTS}`)
  return {
    adapter,
    base: { name: c.base_model_name_or_path ?? '', fingerprint: metadata.base_fingerprint ?? '' },
  }
}

/** Every A [r, in] has its B [out, r], of the rank that the configuration says, in a module that it targets. */
function requirePairs({ config, tensors }: Adapter, isTarget: (module: string) => boolean, file: string): void {
  const fail = (what: string): never => {
    throw new InputError(`reading adapter ${file}: ${what}`)
  }
  if (tensors.size === 0) fail('it holds no tensors')
  if (tensors.size > 2 * MOST_MODULES) fail(`it holds ${tensors.size} tensors; at most ${2 * MOST_MODULES} are read`)
  for (const [name, t] of tensors) {
    const match = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(name)
    if (!match) fail(`tensor ${name} is not a LoRA factor (base_model.model.<module>.lora_A.weight or lora_B.weight)`)
    const [, module, factor] = match as unknown as [string, string, string]
    const other = tensors.get(name.replace(/lora_[AB]\.weight$/, `lora_${factor === 'A' ? 'B' : 'A'}.weight`))
    const r = patternValue(config.rankPattern, module, config.r)
    if (!other) fail(`module ${module} has lora_${factor} alone`)
    const [rank, width] = factor === 'A' ? t.dims : [t.dims[1], t.dims[0]]
    if (t.dims.length !== 2 || rank !== r || width === 0)
      fail(`tensor ${name} is [${t.dims}], the configuration says rank ${r}`)
    if (!isTarget(module))
      fail(`it has tensors for module ${module}, which the configuration does not target; PEFT would ignore them`)
  }
}

/**
 * An adapter as the files of PEFT's format: configuration, weights, and a card (README.md) that says how it was trained.
 * `target_modules` lists full names, so the files say exactly which modules have an adapter.
 */
export function encodePeft(adapter: Adapter, base: BaseModel, training?: TrainingNotes): Map<string, Uint8Array> {
  const { r, alpha, rslora, rankPattern, alphaPattern } = adapter.config
  const config = {
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
  const text = new TextEncoder()
  const metadata = { format: 'pt', base_fingerprint: base.fingerprint }
  return new Map([
    [WEIGHTS, writeSafetensors({ tensors: adapter.tensors, metadata })],
    [CONFIG, text.encode(`${JSON.stringify(config, null, 2)}\n`)],
    ['README.md', text.encode(adapterCard(adapter, base.name, training))],
  ])
}
