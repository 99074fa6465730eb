import { keep } from './recent.js'
import { type Feeds, int64, type OrtTensor, type Session, tensorLike } from './session.js'

/**
 * Where a prompt may be cut [tokens]. A prompt of 512 tokens takes 1.03 times as long in two parts as in one, one of 256
 * tokens in four parts 1.19 times (SmolLM2, CPU), so short prompts are not cut at all.
 */
const EVERY = 256
/** What lies behind the last cut is at least this long, for a run of few tokens takes almost as long as one of many. */
const LAST = 32

/** The cuts of a prompt of T tokens, after the first `from`. */
export function cutsOf(T: number, from = 0, every = EVERY): number[] {
  const cuts: number[] = []
  for (let at = from + every - (from % every); at <= T - LAST; at += every) cuts.push(at)
  return cuts
}

/** Tokens that are tried in two parts, before the first prompt is. */
const TRIED = 8

/** At most so many prefixes are kept: that of the base model, and that of the adapter used last. */
const MOST = 2

/** The start of a prompt up to a cut, and its keys and values by input name, each [1, K, T, W]. */
interface Prefix {
  ids: BigInt64Array
  past: Feeds
}

/** Inputs that belong to the tokens of one run, or to none. */
const OTHERS = ['input_ids', 'attention_mask', 'position_ids', 'num_logits_to_keep']
const isPast = (name: string): boolean => name.startsWith('past_key_values.')
const presentOf = (past: string): string => past.replace('past_key_values', 'present')

/**
 * Runs of an inference session as a generation loop asks for them, except that a prompt that begins as the last one did,
 * with the same adapter, takes the keys and values of what they share from there.
 *
 * To the last bit this changes nothing. What a product of matrices gives for one row depends on the number of rows:
 * the runtime divides the work by it, and with the work the order of a sum. So a prompt is always passed through in
 * the same parts, between fixed cuts, and whole parts alone are taken over: by the same runs on the same numbers.
 *
 * For sessions whose outputs come to the host. In memory are the keys and values of two prompts, 2·K·W numbers a token and layer (SmolLM2-135M: 46 kB a token).
 *
 * @param every tokens between two cuts
 * @returns for the inputs of a run without those of the adapter, and those of the adapter: all outputs of the last part
 */
export function withPrefixes(session: Session, every = EVERY): (feeds: Feeds, lora: Feeds) => Promise<Feeds> {
  const run = (feeds: Feeds, outputs = session.outputNames) => session.run(feeds, outputs) as Promise<Feeds>
  const pasts = session.inputNames.filter(isPast)
  const presents = pasts.map(presentOf)
  const known =
    pasts.length > 0 &&
    session.inputNames.every(v => OTHERS.includes(v) || isPast(v) || v.startsWith('lora.')) &&
    presents.every(v => session.outputNames.includes(v))
  const pastFrom = (outputs: Feeds) => Object.fromEntries(pasts.map(name => [name, outputs[presentOf(name)]!]))
  const kept = new Map<Feeds, Prefix>()

  /** Can several tokens go on from a past? Not every export means them to: some take one token at a time then. */
  const goesOn = async (feeds: Feeds): Promise<boolean> => {
    const [half, whole] = [TRIED / 2, TRIED]
    const all = feeds.num_logits_to_keep && { num_logits_to_keep: int64([0], []) }
    try {
      const atOnce = await run({ ...feeds, ...slice(feeds, 0, whole), ...all })
      const first = await run({ ...feeds, ...slice(feeds, 0, half), ...all })
      const second = await run({ ...feeds, ...slice(feeds, half, whole), ...pastFrom(first), ...all })
      const [expected, found] = [atOnce, second].map(o => o.logits!.data as Float32Array) as [
        Float32Array,
        Float32Array,
      ]
      return distance(found, expected.subarray(expected.length - found.length)) < 0.1
    } catch {
      return false
    }
  }
  let divisible: Promise<boolean> | undefined

  return async (feeds, lora) => {
    const ids = feeds.input_ids!.data as BigInt64Array
    const isPrompt = feeds[pasts[0] ?? '']?.dims.at(-2) === 0 && feeds.input_ids!.dims[0] === 1
    if (!known || !isPrompt || cutsOf(ids.length, 0, every).length === 0) return run({ ...feeds, ...lora })
    divisible ??= goesOn({ ...feeds, ...lora })
    if (!(await divisible)) return run({ ...feeds, ...lora })

    const before = kept.get(lora)
    let at = before ? (cutsOf(ids.length, 0, every).findLast(cut => cut <= sharedLength(ids, before.ids)) ?? 0) : 0
    let past = at > 0 ? firstTokens(before!.past, at) : {}
    const part = (to: number): Feeds => ({ ...feeds, ...slice(feeds, at, to), ...past, ...lora })
    for (const cut of cutsOf(ids.length, at, every)) {
      const outputs = await run(part(cut), presents)
      past = pastFrom(outputs)
      at = cut
    }
    keep(kept, lora, { ids: ids.slice(0, at), past }, MOST)
    return run(part(ids.length))
  }
}

/** ‖a − b‖ / ‖b‖: rounding, even to eight bits, leaves a few hundredths; a wrong mask or position more than a tenth. */
function distance(a: Float32Array, b: Float32Array): number {
  let [difference, size] = [0, 0]
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2
    size += b[i]! ** 2
  }
  return Math.sqrt(difference / size)
}

/** Number of first tokens that two prompts have in common. */
function sharedLength(a: BigInt64Array, b: BigInt64Array): number {
  let n = 0
  while (n < a.length && n < b.length && a[n] === b[n]) n++
  return n
}

/** The inputs of tokens `from` to `to` of a prompt. */
function slice(feeds: Feeds, from: number, to: number): Feeds {
  const tokens = ({ data }: OrtTensor, first: number) =>
    int64(Array.from((data as BigInt64Array).subarray(first, to), Number), [1, to - first])
  const of = (name: string, first: number) => (feeds[name] ? { [name]: tokens(feeds[name], first) } : {})
  return { ...of('input_ids', from), ...of('position_ids', from), ...of('attention_mask', 0) }
}

/** Keys and values [1, K, T, W] of the first `n` tokens. */
function firstTokens(past: Feeds, n: number): Feeds {
  const entries = Object.entries(past).map(([name, tensor]) => {
    const [, K, T, W] = tensor.dims as [number, number, number, number]
    if (T === n) return [name, tensor] as const
    const all = tensor.data as Float32Array
    const data = all.slice(0, K * n * W)
    for (let k = 0; k < K; k++) data.set(all.subarray(k * T * W, (k * T + n) * W), k * n * W)
    return [name, tensorLike(tensor, data, [1, K, n, W])] as const
  })
  return Object.fromEntries(entries)
}
