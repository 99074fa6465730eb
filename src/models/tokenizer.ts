import { basename } from 'node:path'
import { InputError } from '../errors.js'
import { type Gguf, metaList, metaNumber, metaText } from './gguf.js'

/** Kinds of token in `tokenizer.ggml.token_type` (llama.h, `llama_token_type`) that are matched as wholes in the text. */
const CONTROL = 3
const USER_DEFINED = 4

/**
 * How text is cut before byte pairs are merged, by the name in `tokenizer.ggml.pre`.
 * `smollm`: every digit by itself, then GPT-2's pattern over bytes. The first is Hugging Face's `Digits`, which takes
 * every numeral (½, Ⅳ) for a digit; transformers.js would take only 0 to 9, hence the pattern.
 */
const PRE_TOKENIZERS: Readonly<Record<string, object[]>> = {
  smollm: [
    { type: 'Split', pattern: { Regex: '\\p{N}' }, behavior: 'Isolated', invert: false },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  ],
}

/** The files `tokenizer.json` and `tokenizer_config.json`, as transformers.js reads them. */
export interface TokenizerFiles {
  tokenizer: object
  config: object
}

/**
 * The tokenizer that a GGUF file carries in its metadata. The chat template goes into the configuration, the only
 * place where transformers.js looks for it.
 *
 * @param contextLength longest input [tokens]
 * @throws InputError if the file has another kind of tokenizer than byte pairs with a known way of cutting text
 */
export function tokenizerFiles(g: Gguf, contextLength: number): TokenizerFiles {
  const fail = (what: string): never => {
    throw new InputError(`reading the tokenizer of ${basename(g.path)}: ${what}`)
  }
  const model = metaText(g, 'tokenizer.ggml.model')
  if (model !== 'gpt2') fail(`its kind is ${model}; only byte pairs (gpt2) are supported`)
  const pre = metaText(g, 'tokenizer.ggml.pre')
  const pretokenizers = Object.hasOwn(PRE_TOKENIZERS, pre) ? PRE_TOKENIZERS[pre] : undefined
  if (!pretokenizers)
    fail(`it cuts text by the rules named ${pre}; known are ${Object.keys(PRE_TOKENIZERS).join(', ')}`)
  if (g.metadata.get('tokenizer.ggml.add_bos_token') === true)
    fail('it puts a first token before every text, which is not supported')

  const tokens = metaList(g, 'tokenizer.ggml.tokens', 'string')
  const types = metaList(g, 'tokenizer.ggml.token_type', 'number')
  if (types.length !== tokens.length) fail(`it has ${tokens.length} tokens, but the types of ${types.length}`)
  const vocab = Object.fromEntries(tokens.map((t, id) => [t, id]))
  const distinct = Object.keys(vocab).length
  if (distinct !== tokens.length) fail(`only ${distinct} of its ${tokens.length} tokens differ`)
  const merges = metaList(g, 'tokenizer.ggml.merges', 'string').map(m => {
    const cut = m.indexOf(' ', 1)
    return cut > 0 ? [m.slice(0, cut), m.slice(cut + 1)] : fail(`merge ${JSON.stringify(m)} is not a pair`)
  })
  const added = tokens.flatMap((content, id) => {
    const whole = types[id] === CONTROL || types[id] === USER_DEFINED
    const flags = {
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: types[id] === CONTROL,
    }
    return whole ? [{ id, content, ...flags }] : []
  })
  const token = (key: string): string => {
    const id = metaNumber(g, `tokenizer.ggml.${key}_token_id`)
    return tokens[id] ?? fail(`its ${key} token is number ${id} of ${tokens.length}`)
  }

  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: { type: 'Sequence', pretokenizers },
      post_processor: null,
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab,
        merges,
      },
    },
    config: {
      added_tokens_decoder: Object.fromEntries(added.map(({ id, ...t }) => [id, t])),
      bos_token: token('bos'),
      eos_token: token('eos'),
      pad_token: token('padding'),
      unk_token: token('unknown'),
      clean_up_tokenization_spaces: false,
      model_max_length: contextLength,
      tokenizer_class: 'PreTrainedTokenizerFast',
      chat_template: metaText(g, 'tokenizer.chat_template'),
    },
  }
}
