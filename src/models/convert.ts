import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { writeOnnx } from '../onnx/write.js'
import { type Gguf, metaNumber, readGguf } from './gguf.js'
import type { Log } from './home.js'
import { floatLinear, fourBitLinear, type Linear } from './linear.js'
import { llamaGraph } from './llama.js'
import { type LlamaSizes, llamaSizes } from './sizes.js'
import { tokenizerFiles } from './tokenizer.js'

/** To be raised when {@link convertGguf} writes something else than before. */
export const CONVERTER_VERSION = 3

/**
 * Converts a GGUF file of the Llama architecture into a folder that transformers.js loads: tokenizer, configuration,
 * `onnx/model.onnx` in float32 and, if the file holds Q4_1 weights, `onnx/model_q4.onnx` with these left in four bits.
 * Both compute with exactly the weights of the file.
 *
 * @param folder exists and is empty
 * @throws InputError if the file cannot be read or holds something that cannot be converted
 */
export async function convertGguf(path: string, folder: string, log: Log): Promise<void> {
  const g = await readGguf(path)
  const sizes = llamaSizes(g)
  const { tokenizer, config } = tokenizerFiles(g, sizes.context)
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
  await writeJson(join(folder, 'tokenizer_config.json'), config)
  const ids = tokenIds(g)
  await writeJson(join(folder, 'config.json'), modelConfig(g, sizes, ids))
  await writeJson(join(folder, 'generation_config.json'), ids)

  await mkdir(join(folder, 'onnx'))
  const write = async (name: string, linear: Linear) => {
    log(`converting ${basename(path)} to ${name}`)
    const file = join(folder, 'onnx', name)
    await writeFile(file, writeOnnx(await llamaGraph(g, sizes, `${file}_data`, linear)))
  }
  await write('model.onnx', floatLinear)
  if (hasQ4(g)) await write('model_q4.onnx', fourBitLinear)
}

const writeJson = (path: string, value: object): Promise<void> => writeFile(path, `${JSON.stringify(value, null, 2)}\n`)

const hasQ4 = (g: Gguf): boolean => [...g.tensors.values()].some(t => t.type === 'Q4_1')

const tokenIds = (g: Gguf) => ({
  bos_token_id: metaNumber(g, 'tokenizer.ggml.bos_token_id'),
  eos_token_id: metaNumber(g, 'tokenizer.ggml.eos_token_id'),
  pad_token_id: metaNumber(g, 'tokenizer.ggml.padding_token_id'),
})

/** `config.json`, in the terms of Hugging Face's LlamaConfig. */
const modelConfig = (g: Gguf, s: LlamaSizes, ids: ReturnType<typeof tokenIds>): object => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: s.vocabulary,
  hidden_size: s.width,
  intermediate_size: s.hidden,
  num_hidden_layers: s.layers,
  num_attention_heads: s.heads,
  num_key_value_heads: s.kvHeads,
  head_dim: s.headWidth,
  hidden_act: 'silu',
  max_position_embeddings: s.context,
  rms_norm_eps: s.epsilon,
  rope_theta: s.ropeBase,
  attention_bias: false,
  mlp_bias: false,
  tie_word_embeddings: !g.tensors.has('output.weight'),
  ...ids,
  'transformers.js_config': {
    use_external_data_format: { 'model.onnx': 1, ...(hasQ4(g) ? { 'model_q4.onnx': 1 } : {}) },
  },
})
