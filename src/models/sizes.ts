import { basename } from 'node:path'
import { InputError } from '../errors.js'
import { type Gguf, metaNumber, metaText } from './gguf.js'

/** Sizes of a decoder of the Llama architecture (letters of the README). */
export interface LlamaSizes {
  layers: number
  /** D */
  width: number
  /** Width of the feed-forward layer. */
  hidden: number
  /** H */
  heads: number
  /** K */
  kvHeads: number
  headWidth: number
  /** V */
  vocabulary: number
  /** Longest sequence [tokens]. */
  context: number
  /** ε of the normalizations. */
  epsilon: number
  /** Base of the rotary angles. */
  ropeBase: number
}

/** No size in a model of this kind is larger; what is comes from an altered file. */
const LARGEST = 2 ** 24

/** @throws InputError if the file holds another architecture, or sizes that cannot be */
export function llamaSizes(g: Gguf): LlamaSizes {
  const architecture = metaText(g, 'general.architecture')
  const fail = (what: string): never => {
    throw new InputError(`reading ${basename(g.path)}: ${what}`)
  }
  if (architecture !== 'llama') fail(`its architecture is ${architecture}; only llama can be converted`)
  const size = (key: string): number => {
    const n = metaNumber(g, `llama.${key}`)
    return Number.isInteger(n) && n >= 1 && n <= LARGEST
      ? n
      : fail(`metadata llama.${key} is ${n}; a whole number from 1 to ${LARGEST} is needed`)
  }
  const sizes = {
    layers: size('block_count'),
    width: size('embedding_length'),
    hidden: size('feed_forward_length'),
    heads: size('attention.head_count'),
    kvHeads: size('attention.head_count_kv'),
    headWidth: size('rope.dimension_count'),
    vocabulary: size('vocab_size'),
    context: size('context_length'),
    epsilon: metaNumber(g, 'llama.attention.layer_norm_rms_epsilon'),
    ropeBase: metaNumber(g, 'llama.rope.freq_base'),
  }
  if (sizes.heads % sizes.kvHeads !== 0 || sizes.headWidth % 2 !== 0)
    fail(`${sizes.heads} heads of width ${sizes.headWidth} cannot share ${sizes.kvHeads} key/value heads`)
  return sizes
}
