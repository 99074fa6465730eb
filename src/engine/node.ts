import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { InputError, messageOf } from '../errors.js'
import { readBeside, writeBeside } from '../lora/beside.js'
import { adapterFolder } from '../lora/folder.js'
import { readPeft, writePeft } from '../lora/peft.js'
import { resolveModel } from '../models/resolve.js'
import type { Device, Platform } from './platform.js'

/** Which devices ONNX Runtime's package for an operating system may serve, beside the CPU; the first are tried first. */
const ACCELERATORS: Partial<Record<NodeJS.Platform, readonly Device[]>> = {
  linux: ['cuda', 'webgpu'],
  win32: ['webgpu', 'dml'],
  darwin: ['webgpu', 'coreml'],
}

// What goes wrong comes as an error; the runtime need not write it to stderr as well.
ort.env.logLevel = 'fatal'

/** Node: ONNX Runtime's native library, models and adapters in folders. */
export const platform: Platform = {
  ort,
  devices: [...(ACCELERATORS[process.platform] ?? []), 'cpu'],
  elsewhere: `in Node on ${process.platform} there are ${[...(ACCELERATORS[process.platform] ?? []), 'cpu'].join(', ')}`,

  async openModel(idOrFolder, dtypes) {
    const { id, folder, dtype } = await resolveModel(idOrFolder, dtypes)
    const read = (name: string) =>
      readFile(join(folder, name)).catch((cause: unknown) => {
        throw new InputError(`loading ${id}: ${messageOf(cause)}`, { cause })
      })
    const part = async (name: string, offset: number, length: number) => {
      const file = await open(join(folder, 'onnx', name))
      try {
        const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, offset)
        return buffer.subarray(0, bytesRead)
      } finally {
        await file.close()
      }
    }
    return { id, dtype, place: folder, read, part, weights: async () => join(folder, 'onnx') }
  },

  external: folder => ({ extra: { session: { model_external_initializers_file_folder_path: folder } } }),

  readAdapter({ identifier, path }) {
    if (!path) throw new InputError(`adapter ${identifier}: it has no path, so its weights cannot be read`)
    return readPeft(path)
  },
  saveAdapter: (adapter, base, training) => writePeft(adapter, adapterFolder(), base, training),

  beside: { read: readBeside, write: writeBeside },

  profiler: () => {
    const folder = mkdtempSync(join(tmpdir(), 'lora-harness-profile-'))
    const drop = () => rmSync(folder, { recursive: true })
    return {
      options: { enableProfiling: true, profileFilePrefix: join(folder, 'run') },
      end: session => {
        session.endProfiling()
        try {
          return JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8'))
        } finally {
          drop()
        }
      },
      drop,
    }
  },

  warn: (text, code) => process.emitWarning(text, { code }),
}
