import * as ort from 'onnxruntime-web/webgpu'
import { InputError, messageOf } from '../errors.js'
import { type Adapter, identify } from '../lora/adapter.js'
import type { TrainingNotes } from '../lora/card.js'
import type { BaseModel } from '../lora/format.js'
import { type ModelDType, weightFile } from '../models/dtypes.js'
import type { Platform } from './platform.js'

/** A model's files by name, as in its folder: `config.json`, `onnx/model.onnx`, … */
export type Files = ReadonlyMap<string, Uint8Array>

/** What a browser keeps for as long as the page is open: models that were handed over, and adapters. */
export const memory = {
  models: new Map<string, Files>(),
  adapters: new Map<string, { adapter: Adapter; base: BaseModel; training?: TrainingNotes }>(),
}

/** The runtime's program, one build for wasm and WebGPU; its file of that name lies in onnxruntime-web's `dist`. */
const WASM = 'ort-wasm-simd-threaded.asyncify.wasm'

/**
 * Says where the runtime's .wasm file is fetched from: from beside this script, unless something else is said. Never
 * from another site, which transformers.js would do.
 */
export function setWasmFolder(folder: string): void {
  ort.env.wasm.wasmPaths = { wasm: new URL(WASM, folder).href }
}
setWasmFolder(new URL('./', import.meta.url).href)
// More threads need a page that is isolated from others, and hung in a test there (1.31); one works everywhere.
ort.env.wasm.numThreads = 1
ort.env.logLevel = 'fatal'

/** The files of a model under an address, or handed over before. */
async function source(
  id: string,
): Promise<{ has(name: string): Promise<boolean>; get(name: string): Promise<Uint8Array> }> {
  const kept = memory.models.get(id)
  if (kept)
    return {
      has: async name => kept.has(name),
      get: async name => {
        const bytes = kept.get(name)
        if (!bytes) throw new Error(`it has no ${name}; it has ${[...kept.keys()].sort().join(', ')}`)
        return bytes
      },
    }
  const folder = id.endsWith('/') ? id : `${id}/`
  return {
    has: async name => (await fetch(new URL(name, folder), { method: 'HEAD' })).ok,
    get: async name => {
      const response = await fetch(new URL(name, folder))
      if (!response.ok) throw new Error(`${response.url}: ${response.status} ${response.statusText}`)
      return new Uint8Array(await response.arrayBuffer())
    },
  }
}

/** The browser: ONNX Runtime as wasm, models by fetch, adapters in memory. */
export const platform: Platform = {
  ort: ort as unknown as Platform['ort'],
  devices: ['webgpu', 'wasm'],
  elsewhere: 'in a browser there are webgpu, wasm',

  async openModel(id, dtypes) {
    const { has, get } = await source(id)
    const fetched = new Map<string, Promise<Uint8Array>>()
    const read = (name: string): Promise<Uint8Array> => {
      const bytes =
        fetched.get(name) ??
        get(name).catch((cause: unknown) => {
          throw new InputError(`loading ${id}: ${messageOf(cause)}`, { cause })
        })
      fetched.set(name, bytes)
      return bytes
    }
    const dtype = dtypes.length === 1 ? dtypes[0] : await firstThere(dtypes, has)
    if (!dtype) throw new InputError(`loading ${id}: there is no ${dtypes.map(weightFile).join(' or ')}`)
    const named = (file: string) => read(`onnx/${file}`)
    return {
      id: id.replace(/\/+$/, '').slice(id.replace(/\/+$/, '').lastIndexOf('/') + 1),
      dtype,
      place: id,
      read,
      part: async (file, offset, length) => (await named(file)).subarray(offset, offset + length),
      weights: async files => new Map(await Promise.all(files.map(async f => [f, await named(f)] as const))),
    }
  },

  external: weights =>
    typeof weights === 'string' ? {} : { externalData: [...weights].map(([path, data]) => ({ path, data })) },

  readAdapter({ identifier }) {
    const kept = memory.adapters.get(identifier)
    if (!kept)
      throw new InputError(
        `adapter ${identifier.slice(0, 12)}: it is not in this page's memory; import its zip file first`,
      )
    return kept
  },
  saveAdapter(adapter, base, training) {
    const identifier = identify(adapter)
    memory.adapters.set(identifier, { adapter, base, ...(training && { training }) })
    return { identifier }
  },
  // There are no folders.
  beside: { read: () => undefined, write: () => undefined },

  // Of the ways to wait for the next task this one takes no time.
  breathe: () =>
    new Promise(done => {
      const { port1, port2 } = new MessageChannel()
      Object.assign(port1, {
        onmessage: () => {
          port1.close()
          done()
        },
      })
      port2.postMessage(null)
    }),

  warn: text => console.warn(text),
}

async function firstThere(
  dtypes: readonly ModelDType[],
  has: (name: string) => Promise<boolean>,
): Promise<ModelDType | undefined> {
  for (const dtype of dtypes) if (await has(weightFile(dtype))) return dtype
  return undefined
}
