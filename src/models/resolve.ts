import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { AutoConfig, AutoModelForCausalLM, AutoTokenizer, ModelRegistry } from '@huggingface/transformers'
import { InputError, messageOf } from '../errors.js'
import { MODEL_FILES, type ModelDType, weightFile } from './dtypes.js'
import { EMBEDDED_MODEL_ID, ensureEmbeddedModel, logToStderr } from './embedded.js'
import { exists, homeFolder, type Log } from './home.js'

/** A model's files on this machine, and the dtype of those of its weights that are meant. */
export interface Resolved {
  id: string
  folder: string
  dtype: ModelDType
}

/**
 * Where a model's files are. The embedded model is made and a hub's model downloaded if it is not there yet.
 *
 * @param idOrFolder the embedded model's id, a folder in the layout of transformers.js, or a hub id
 * @param dtypes the first of these that the model has
 * @throws InputError for an unknown id, a hub that cannot be reached, or a folder that lacks files
 */
export async function resolveModel(
  idOrFolder: string,
  dtypes: readonly [ModelDType, ...ModelDType[]],
  log: Log = logToStderr,
): Promise<Resolved> {
  if (idOrFolder === EMBEDDED_MODEL_ID) {
    const folder = await ensureEmbeddedModel({ log })
    return { id: idOrFolder, folder, dtype: await checkFolder(folder, dtypes) }
  }
  if ((await stat(idOrFolder).catch(() => undefined))?.isDirectory()) {
    const folder = resolve(idOrFolder)
    return { id: basename(folder), folder, dtype: await checkFolder(folder, dtypes) }
  }
  if (!HUB_ID.test(idOrFolder) || idOrFolder.includes('..'))
    throw new InputError(
      `loading model ${JSON.stringify(idOrFolder)}: there is no such folder, and a hub id looks like owner/name; the embedded model is ${EMBEDDED_MODEL_ID}`,
    )
  return { id: idOrFolder, ...(await hubFolder(idOrFolder, dtypes, log)) }
}

const HUB_ID = /^[\w-][\w.-]*\/[\w-][\w.-]*$/

/** The first of `dtypes` whose weights a folder has. @throws InputError naming what it lacks */
async function checkFolder(folder: string, dtypes: readonly [ModelDType, ...ModelDType[]]): Promise<ModelDType> {
  const missing = async (file: string): Promise<never> => {
    const found = [
      ...(await readdir(folder)),
      ...(await readdir(join(folder, 'onnx')).catch(() => [])).map(f => join('onnx', f)),
    ]
    throw new InputError(
      `loading the model in ${folder}: it has no ${file}; found ${found.sort().join(', ') || 'nothing'}`,
    )
  }
  for (const file of MODEL_FILES) if (!(await exists(join(folder, file)))) return missing(file)
  for (const dtype of dtypes) if (await exists(join(folder, weightFile(dtype)))) return dtype
  return missing(dtypes.map(d => join(weightFile(d))).join(' or '))
}

/** A hub's model, downloaded by transformers.js into a cache of its own under {@link homeFolder}. */
async function hubFolder(
  id: string,
  dtypes: readonly [ModelDType, ...ModelDType[]],
  log: Log,
): Promise<Omit<Resolved, 'id'>> {
  const cache = join(homeFolder(), 'hub')
  const folder = join(cache, id)
  try {
    for (const dtype of dtypes) if (await isWhole(id, cache, dtype)) return { folder, dtype }
    await AutoConfig.from_pretrained(id, { cache_dir: cache })
    const dtype = dtypes.length === 1 ? dtypes[0] : await offered(id, dtypes)
    log(`downloading ${id} (${dtype}) from the hub, once`)
    const where = { cache_dir: cache, device: 'cpu', dtype: HUB_NAMES[dtype] } as const
    await AutoTokenizer.from_pretrained(id, where)
    // Its loader is the one way to have transformers.js fetch the weights; the session it makes is not needed.
    await (await AutoModelForCausalLM.from_pretrained(id, where)).dispose()
    return { folder, dtype }
  } catch (cause) {
    if (cause instanceof InputError) throw cause
    const offline = `${messageOf(cause)}${cause instanceof Error && cause.cause ? ` (${messageOf(cause.cause)})` : ''}`
    throw new InputError(
      `loading model ${id}: there is no folder of that name, and it could not be had from the hub: ${offline}. ` +
        `The embedded model, ${EMBEDDED_MODEL_ID}, needs no hub`,
      { cause },
    )
  }
}

/** What transformers.js calls them; its `int8` is another file than the usual `model_quantized`. */
const HUB_NAMES = { fp32: 'fp32', fp16: 'fp16', q4: 'q4', q4f16: 'q4f16', int8: 'q8' } as const

/** Is everything of a hub's model here that loading it needs? */
async function isWhole(id: string, cache: string, dtype: ModelDType): Promise<boolean> {
  const here = (file: string) => exists(join(cache, id, file))
  if (!(await here('config.json')) || !(await here(weightFile(dtype)))) return false
  const where = { cache_dir: cache, device: 'cpu', dtype: HUB_NAMES[dtype] } as const
  const config = await AutoConfig.from_pretrained(id, where)
  const files = [...(await ModelRegistry.get_model_files(id, { ...where, config })), ...MODEL_FILES]
  return (await Promise.all(files.map(here))).every(Boolean)
}

/** The first of `dtypes` that the hub has of a model. */
async function offered(id: string, dtypes: readonly ModelDType[]): Promise<ModelDType> {
  const has = await ModelRegistry.get_available_dtypes(id)
  const dtype = dtypes.find(d => has.includes(HUB_NAMES[d]))
  if (!dtype)
    throw new InputError(
      `loading model ${id}: of the dtypes ${dtypes.join(', ')} the hub has none; it has ${has.join(', ') || 'no ONNX files'}`,
    )
  return dtype
}
