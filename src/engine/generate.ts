import * as transformers from '@huggingface/transformers'
import { InputError } from '../errors.js'
import type { Generation } from '../protocol/index.js'
import { random } from '../tensor.js'
import type { Feeds, Session } from './session.js'
import { stopFilter } from './stop.js'

export interface GenerateOptions {
  /** Most tokens to generate. */
  maxNewTokens?: number
  /** 0 (the default) takes the likeliest token; above it, tokens are drawn. */
  temperature?: number
  /** Draw only from the likeliest tokens that together have this probability; in (0, 1], default 1. */
  topP?: number
  /** Of the drawing; the same seed gives the same text. */
  seed?: number
  /** Texts that end the answer; they are not part of it. */
  stop?: readonly string[]
  signal?: AbortSignal
  /** Called with each new piece of text; what a stop text may begin with waits until it is seen whether one does. */
  onToken?: (text: string) => void
}

type Decoder = transformers.PreTrainedModel

/**
 * A transformers.js model around an inference session. Its generation loop does not know about LoRA: the session it
 * sees has none of the adapter's inputs.
 *
 * @param config as transformers.js read it from the model's folder
 * @param run a run of the session, to which the inputs of the adapter in use are added
 * @throws InputError for an architecture that transformers.js has no class for
 */
export function makeDecoder(
  config: transformers.PretrainedConfig,
  generationConfig: object,
  session: Session,
  run: (feeds: Feeds) => Promise<Feeds>,
): Decoder {
  const type = String((config as { model_type?: unknown }).model_type)
  const name = transformers.AutoModelForCausalLM.MODEL_CLASS_MAPPINGS.map(m => m.get(type)).find(Boolean) as unknown as
    | string
    | undefined
  const Class = name && (transformers as unknown as Record<string, new (...args: unknown[]) => Decoder>)[name]
  if (!Class) throw new InputError(`transformers.js has no causal language model of type ${JSON.stringify(type)}`)
  const hidden = (v: string) => v.startsWith('lora.')
  const wrapped = {
    inputNames: session.inputNames.filter(v => !hidden(v)),
    outputNames: session.outputNames,
    inputMetadata: session.inputMetadata.filter(m => !hidden(m.name)),
    outputMetadata: session.outputMetadata,
    config: { dtype: 'fp32', device: 'cpu' },
    run,
    release: () => session.release(),
  }
  return new Class(config, { model: wrapped }, { generation_config: generationConfig })
}

/** Ends generation when a stop text has come, or when the caller gave up. */
class Stopper extends transformers.StoppingCriteria {
  readonly #done: () => boolean
  constructor(done: () => boolean) {
    super()
    this.#done = done
  }
  override _call(inputIds: number[][]): boolean[] {
    return inputIds.map(() => this.#done())
  }
}

/**
 * Draws a token instead of taking the likeliest: adding Gumbel noise to logits / temperature and taking the largest is
 * drawing from softmax(logits / temperature) (Gumbel 1954), so the library's greedy search can stay as it is.
 */
class Sampler extends transformers.LogitsProcessor {
  readonly #temperature: number
  readonly #topP: number
  readonly #rng: ReturnType<typeof random>
  constructor(temperature: number, topP: number, seed: number) {
    super()
    this.#temperature = temperature
    this.#topP = topP
    this.#rng = random(seed)
  }
  override _call(_inputIds: bigint[][], logits: transformers.Tensor): transformers.Tensor {
    const scores = logits.data as Float32Array
    const floor = this.#topP < 1 ? nucleusFloor(scores, this.#temperature, this.#topP) : Number.NEGATIVE_INFINITY
    for (const [i, score] of scores.entries()) {
      const noise = -Math.log(-Math.log(1 - this.#rng.uniform()))
      scores[i] = score < floor ? Number.NEGATIVE_INFINITY : score / this.#temperature + noise
    }
    return logits
  }
}

/** The logit of the least likely token of the nucleus: the fewest likeliest tokens with probability ≥ p together. */
function nucleusFloor(logits: Float32Array, temperature: number, p: number): number {
  const sorted = Float32Array.from(logits).sort().reverse()
  const weights = Float64Array.from(sorted, x => Math.exp((x - sorted[0]!) / temperature))
  const total = weights.reduce((sum, w) => sum + w, 0)
  let last = 0
  for (let sum = weights[0]!; sum < p * total && last < weights.length - 1; sum += weights[last]!) last++
  return sorted[last]!
}

/** @throws InputError for a number out of its range */
export function requireGenerateOptions(o: GenerateOptions): void {
  const check = (name: string, value: number | undefined, ok: (x: number) => boolean, range: string) => {
    if (value !== undefined && !ok(value)) throw new InputError(`generate: ${name} must be ${range}, found ${value}`)
  }
  check('maxNewTokens', o.maxNewTokens, n => Number.isInteger(n) && n > 0, 'a positive integer')
  check('temperature', o.temperature, t => t >= 0 && Number.isFinite(t), 'a number ≥ 0')
  check('topP', o.topP, p => p > 0 && p <= 1, 'in (0, 1]')
  if (o.stop?.some(s => typeof s !== 'string' || s === ''))
    throw new InputError(`generate: stop must be non-empty texts, found ${JSON.stringify(o.stop)}`)
}

/**
 * Generates an answer to a prompt.
 *
 * @param promptIds token ids, [T]
 * @param contextLength T + new tokens at most
 * @throws InputError if the prompt leaves no room in the context; the signal's reason if it was aborted
 */
export async function generate(
  decoder: Decoder,
  tokenizer: transformers.PreTrainedTokenizer,
  promptIds: readonly number[],
  contextLength: number,
  options: GenerateOptions,
): Promise<Generation> {
  const T = promptIds.length
  if (T >= contextLength)
    throw new InputError(
      `generate: the prompt has ${T} tokens, the model's context ${contextLength}; shorten the messages`,
    )
  const { temperature = 0, topP = 1, seed = 0, stop = [], signal, onToken } = options
  const limit = Math.min(options.maxNewTokens ?? 128, contextLength - T)
  signal?.throwIfAborted()

  const filter = stopFilter(stop, text => onToken?.(text))
  const streamer = new transformers.TextStreamer(tokenizer, {
    skip_prompt: true,
    skip_special_tokens: true,
    callback_function: filter.push,
  })
  const stopped = () => signal?.aborted === true || filter.stopped()
  const processors = new transformers.LogitsProcessorList()
  if (temperature > 0) processors.push(new Sampler(temperature, topP, seed))

  const ids = new transformers.Tensor('int64', BigInt64Array.from(promptIds, BigInt), [1, T])
  const output = (await decoder.generate({
    inputs: ids,
    attention_mask: new transformers.Tensor('int64', new BigInt64Array(T).fill(1n), [1, T]),
    do_sample: false,
    max_new_tokens: limit,
    logits_processor: processors,
    stopping_criteria: new Stopper(stopped),
    ...(stop.length > 0 || onToken ? { streamer } : {}),
  } as never)) as transformers.Tensor
  signal?.throwIfAborted()
  filter.end()

  const newIds = Array.from(output.data as BigInt64Array, Number).slice(T)
  const ended =
    filter.stopped() ||
    newIds.length < limit ||
    tokenizer.decode(newIds.slice(-1), { skip_special_tokens: true }) === ''
  return {
    text: filter.stopped() ? filter.text() : tokenizer.decode(newIds, { skip_special_tokens: true }),
    promptTokens: T,
    newTokens: newIds.length,
    finishReason: ended ? 'stop' : 'length',
  }
}
