import { expose, proxy, transfer } from 'comlink'
import { type LoadOptions, LoRAModel } from './engine/model.js'
import { type Files, memory, setWasmFolder } from './engine/web.js'
import { InputError } from './errors.js'
import { identify } from './lora/adapter.js'
import { decodeZip, encodeZip } from './lora/zip.js'

/** What is used of a MessagePort; Node's types lack the browser's. */
export interface Port {
  onmessage: (() => void) | null
}

type Options<M extends 'generate' | 'finetune'> = NonNullable<Parameters<LoRAModel[M]>[M extends 'generate' ? 1 : 2]>

/**
 * A model as the page sees it. A callback, and a port that says stop, come beside the options: they cannot be copied to
 * another thread.
 */
const served = (model: LoRAModel) => ({
  about: {
    id: model.id,
    device: model.device,
    deviceReason: model.deviceReason,
    dtype: model.dtype,
    contextLength: model.contextLength,
  },
  generate: (
    messages: Parameters<LoRAModel['generate']>[0],
    options: Options<'generate'>,
    onToken?: Options<'generate'>['onToken'],
    stop?: Port,
  ) =>
    heard(onToken, said =>
      model.generate(messages, { ...options, signal: signalOf(stop), ...(said && { onToken: said }) }),
    ),
  finetune: (
    lora: Parameters<LoRAModel['finetune']>[0],
    input: Parameters<LoRAModel['finetune']>[1],
    options: Options<'finetune'>,
    onStep?: Options<'finetune'>['onStep'],
    stop?: Port,
  ) =>
    heard(onStep, said =>
      model.finetune(lora, input, { ...options, signal: signalOf(stop), ...(said && { onStep: said }) }),
    ),
  score: (...args: Parameters<LoRAModel['score']>) => model.score(...args),
  logits: (...args: Parameters<LoRAModel['logits']>) => model.logits(...args),
  gradients: (...args: Parameters<LoRAModel['gradients']>) => model.gradients(...args),
  dispose: () => model.dispose(),
})

/**
 * The result of `call`, once the page has heard all that was said before it: a callback has a port of its own, and what
 * comes by two ports comes in any order.
 */
async function heard<A extends unknown[], T>(
  callback: ((...said: A) => void) | undefined,
  call: (say: ((...said: A) => void) | undefined) => Promise<T>,
): Promise<T> {
  const answers: unknown[] = []
  const result = await call(callback && ((...said) => void answers.push(callback(...said))))
  await Promise.all(answers)
  return result
}

function signalOf(stop?: Port): AbortSignal {
  const controller = new AbortController()
  if (stop) stop.onmessage = () => controller.abort()
  return controller.signal
}

/** What the worker does for the page. */
const api = {
  setWasmFolder,
  provideModel(id: string, files: Files): void {
    memory.models.set(id, files)
  },
  load: async (id: string, options: LoadOptions) => proxy(served(await LoRAModel.load(id, options))),
  exportAdapter(identifier: string): Uint8Array {
    const kept = memory.adapters.get(identifier)
    if (!kept) throw new InputError(`exporting adapter ${identifier}: it is not in this page's memory`)
    const bytes = encodeZip(kept.adapter, kept.base, kept.training)
    return transfer(bytes, [bytes.buffer])
  },
  importAdapter(bytes: Uint8Array): string {
    const { adapter, base } = decodeZip(bytes)
    const identifier = identify(adapter)
    memory.adapters.set(identifier, { adapter, base })
    return identifier
  },
}
export type WorkerApi = typeof api
export type ServedModel = ReturnType<typeof served>

expose(api)
