import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { AutoConfig, AutoModelForCausalLM, AutoTokenizer, ModelRegistry } from '@huggingface/transformers'
import { InputError, messageOf } from '../errors.js'
import { EMBEDDED_MODEL_ID, ensureEmbeddedModel, logToStderr } from './embedded.js'
import { exists, homeFolder, type Log } from './home.js'

/** A model's weights: `onnx/model.onnx` or `onnx/model_q4.onnx`. */
const FILES = { fp32: 'model.onnx', q4: 'model_q4.onnx' } as const

/**
 * Where a model's files are. The embedded model is made and a hub's model downloaded if it is not there yet.
 *
 * @param idOrFolder the embedded model's id, a folder in the layout of transformers.js, or a hub id
 * @throws InputError for an unknown id, a hub that cannot be reached, or a folder that lacks files
 */
export async function resolveModel(
  idOrFolder: string,
  dtype: 'fp32' | 'q4',
  log: Log = logToStderr,
): Promise<{ id: string; folder: string }> {
  if (idOrFolder === EMBEDDED_MODEL_ID) return { id: idOrFolder, folder: await ensureEmbeddedModel({ log }) }
  if ((await stat(idOrFolder).catch(() => undefined))?.isDirectory()) {
    const folder = resolve(idOrFolder)
    await checkFolder(folder, dtype)
    return { id: basename(folder), folder }
  }
  if (!HUB_ID.test(idOrFolder) || idOrFolder.includes('..'))
    throw new InputError(
      `loading model ${JSON.stringify(idOrFolder)}: there is no such folder, and a hub id looks like owner/name; the embedded model is ${EMBEDDED_MODEL_ID}`,
    )
  return { id: idOrFolder, folder: await hubFolder(idOrFolder, dtype, log) }
}

const HUB_ID = /^[\w-][\w.-]*\/[\w-][\w.-]*$/

async function checkFolder(folder: string, dtype: 'fp32' | 'q4'): Promise<void> {
  for (const file of [
    'config.json',
    'generation_config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    join('onnx', FILES[dtype]),
  ]) {
    if (await exists(join(folder, file))) continue
    const found = [
      ...(await readdir(folder)),
      ...(await readdir(join(folder, 'onnx')).catch(() => [])).map(f => join('onnx', f)),
    ]
    throw new InputError(
      `loading the model in ${folder}: it has no ${file}; found ${found.sort().join(', ') || 'nothing'}`,
    )
  }
}

/** A hub's model, downloaded by transformers.js into a cache of its own under {@link homeFolder}. */
async function hubFolder(id: string, dtype: 'fp32' | 'q4', log: Log): Promise<string> {
  const cache = join(homeFolder(), 'hub')
  const folder = join(cache, id)
  const where = { cache_dir: cache, device: 'cpu', dtype } as const
  try {
    const config = await AutoConfig.from_pretrained(id, where)
    await AutoTokenizer.from_pretrained(id, where)
    const files = [...(await ModelRegistry.get_model_files(id, { ...where, config })), 'generation_config.json']
    const there = await Promise.all(files.map(f => exists(join(folder, f))))
    if (there.every(Boolean)) return folder
    log(`downloading ${id} (${dtype}) from the hub, once`)
    // Its loader is the one way to have transformers.js fetch the weights; the session it makes is not needed.
    await (await AutoModelForCausalLM.from_pretrained(id, where)).dispose()
    return folder
  } catch (cause) {
    const offline = `${messageOf(cause)}${cause instanceof Error && cause.cause ? ` (${messageOf(cause.cause)})` : ''}`
    throw new InputError(
      `loading model ${id}: there is no folder of that name, and it could not be had from the hub: ${offline}. ` +
        `The embedded model, ${EMBEDDED_MODEL_ID}, needs no hub`,
      { cause },
    )
  }
}
