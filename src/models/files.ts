import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { isExternal } from '../graph/graph.js'
import { readOnnx } from '../onnx/read.js'
import type { ModelFile } from '../protocol/index.js'
import { BY_EXACTNESS, MODEL_FILES, type ModelDType, weightFile } from './dtypes.js'
import { resolveModel } from './resolve.js'

/** Enough to hand a model over to somebody else. */
export interface ModelListing {
  id: string
  /** Where its files lie. */
  folder: string
  dtype: ModelDType
  files: ModelFile[]
}

/**
 * The files of a model, with sizes and hashes. Made or downloaded first if it is not there yet.
 *
 * @param dtype `auto`: of the weights that are there the most exact ones
 * @throws InputError for an unknown id, a folder that lacks files, a damaged graph
 */
export async function listModelFiles(idOrFolder: string, dtype: ModelDType | 'auto' = 'auto'): Promise<ModelListing> {
  const [first, ...others] = dtype === 'auto' ? BY_EXACTNESS : [dtype]
  const found = await resolveModel(idOrFolder, [first!, ...others])
  const graph = weightFile(found.dtype)
  const exported = readOnnx(await readFile(join(found.folder, graph)), graph.slice('onnx/'.length))
  const weights = [...exported.consts.values()].flatMap(({ data }) => (isExternal(data) ? [`onnx/${data.file}`] : []))
  const files: ModelFile[] = []
  for (const name of [...MODEL_FILES, graph, ...new Set(weights)]) {
    const path = join(found.folder, name)
    const hash = createHash('sha256')
    await pipeline(createReadStream(path), hash)
    files.push({ name, bytes: (await stat(path)).size, sha256: hash.digest('hex') })
  }
  return { ...found, files }
}
