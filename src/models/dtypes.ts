/** Which of a model's weight files: `onnx/<file>.onnx`, as transformers.js names them. */
export const FILES = {
  fp32: 'model',
  fp16: 'model_fp16',
  q4: 'model_q4',
  q4f16: 'model_q4f16',
  int8: 'model_quantized',
} as const
export type ModelDType = keyof typeof FILES

/** Those whose inputs and outputs are half floats, which not every device can compute with. */
export const HALF: readonly ModelDType[] = ['fp16', 'q4f16']

/** The names of `dtype`s from the most exact to the smallest: the order in which `auto` looks for a file. */
export const BY_EXACTNESS: readonly ModelDType[] = ['fp32', 'fp16', 'int8', 'q4', 'q4f16']

/** Path of a weight file in a model's folder. */
export const weightFile = (dtype: ModelDType): string => `onnx/${FILES[dtype]}.onnx`

/** Files that every model has beside its weights. */
export const MODEL_FILES = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'] as const
