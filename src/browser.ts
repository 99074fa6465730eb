import { type Endpoint, proxy, type Remote, transfer, wrap } from 'comlink'
import type { LoRAModel as EngineModel, LoadOptions } from './engine/model.js'
import { HarnessError, InputError } from './errors.js'
import { LoRAHandle, Skip, skip } from './lora/handle.js'
import type { Port, ServedModel, WorkerApi } from './worker.js'

export type { Device, FinetuneOptions, GenerateOptions, LoadOptions, TrainingItem } from './engine/model.js'
export type { TrainingSummary } from './lora/handle.js'
export type { Generation, Message } from './protocol/index.js'
export { HarnessError, InputError, LoRAHandle, Skip, skip }

// A browser's, which Node's types lack.
declare const Worker: new (script: URL, options: { type: 'module' }) => Endpoint
declare const document: { baseURI: string }

let connected: Remote<WorkerApi> | undefined

/**
 * Has models run in a worker that the caller made, from the script `lora-harness/browser/worker`, bundled. Without this
 * call the script is looked for beside this one, as `worker.js`.
 *
 * @param worker a `Worker`
 * @param wasmFolder address that `ort-wasm-simd-threaded.asyncify.wasm` of onnxruntime-web is served from; without it,
 * beside the worker's script
 */
export async function useWorker(worker: object, { wasmFolder }: { wasmFolder?: string } = {}): Promise<void> {
  connected = wrap<WorkerApi>(worker as Endpoint)
  if (wasmFolder !== undefined) await connected.setWasmFolder(absolute(wasmFolder))
}

function worker(): Remote<WorkerApi> {
  connected ??= wrap<WorkerApi>(new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }))
  return connected
}

const absolute = (address: string): string => new URL(address, document.baseURI).href

/** Names of models that were handed over as files; what else is loaded is an address. */
const provided = new Set<string>()

/** Hands over a model's files, for `LoRAModel.load(id)`: `config.json`, `tokenizer.json`, `onnx/model.onnx`, … */
export async function provideModel(id: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await worker().provideModel(id, files)
  provided.add(id)
}

/** An adapter made or imported in this page as a zip file of its PEFT folder. */
export const exportAdapter = (lora: LoRAHandle): Promise<Uint8Array> =>
  inWorker(worker().exportAdapter(lora.identifier))

/** Takes an adapter from a zip file of a PEFT folder. @throws InputError if it cannot be used */
export async function importAdapter(zip: Uint8Array): Promise<LoRAHandle> {
  return new LoRAHandle({ identifier: await inWorker(worker().importAdapter(zip)) })
}

/**
 * `LoRAModel` of the package's main entry, in a worker: its methods take and give the same.
 *
 * Adapters live in the page's memory until they are exported.
 */
export class LoRAModel {
  readonly id: string
  readonly device: EngineModel['device']
  /** Why this device, in words. */
  readonly deviceReason: string
  readonly dtype: EngineModel['dtype']
  readonly contextLength: number
  readonly #remote: Remote<ServedModel>

  /**
   * @param id name of a model handed over with `provideModel`, or the address of a folder in the layout of
   * transformers.js
   * @throws InputError as in Node
   */
  static async load(id: string, options: LoadOptions = {}): Promise<LoRAModel> {
    const remote = await inWorker(worker().load(provided.has(id) ? id : absolute(id), options))
    return new LoRAModel(remote as unknown as Remote<ServedModel>, await remote.about)
  }

  private constructor(remote: Remote<ServedModel>, about: ServedModel['about']) {
    this.#remote = remote
    this.id = about.id
    this.device = about.device
    this.deviceReason = about.deviceReason
    this.dtype = about.dtype
    this.contextLength = about.contextLength
  }

  generate(...[messages, options = {}]: Parameters<EngineModel['generate']>): ReturnType<EngineModel['generate']> {
    const { onToken, signal, ...rest } = options
    return inWorker(this.#remote.generate(messages, rest, onToken && proxy(onToken), stopPort(signal)), signal)
  }

  async finetune(...[lora, input, options = {}]: Parameters<EngineModel['finetune']>): Promise<LoRAHandle | Skip> {
    const { onStep, signal, ...rest } = options
    const call = this.#remote.finetune(lora, input, rest, onStep && proxy(onStep), stopPort(signal))
    const made = await inWorker<LoRAHandle | Skip>(call as Promise<LoRAHandle | Skip>, signal)
    return 'reason' in made ? skip(made.reason) : new LoRAHandle(made)
  }

  score(...args: Parameters<EngineModel['score']>): ReturnType<EngineModel['score']> {
    return inWorker(this.#remote.score(...args))
  }

  logits(...args: Parameters<EngineModel['logits']>): ReturnType<EngineModel['logits']> {
    return inWorker(this.#remote.logits(...args))
  }

  gradients(...args: Parameters<EngineModel['gradients']>): ReturnType<EngineModel['gradients']> {
    return inWorker(this.#remote.gradients(...args))
  }

  dispose(): Promise<void> {
    return inWorker(this.#remote.dispose())
  }
}

/** What happens in the worker, with errors of the classes that they have there. */
async function inWorker<T>(call: PromiseLike<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await call
  } catch (error) {
    signal?.throwIfAborted()
    const { name, message } = error as Error
    if (name === 'InputError') throw new InputError(message, { cause: error })
    if (name === 'HarnessError') throw new HarnessError(message, { cause: error })
    throw error
  }
}

/** A port over which the worker hears that the signal was given. */
function stopPort(signal: AbortSignal | undefined): Port | undefined {
  if (!signal) return undefined
  const { port1, port2 } = new MessageChannel()
  const stop = () => port1.postMessage('stop')
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  return transfer(port2 as unknown as Port, [port2 as never])
}
