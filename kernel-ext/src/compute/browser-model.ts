import { randomInt } from 'node:crypto'
import {
  exportAdapter,
  type FinetuneOptions,
  type GenerateOptions,
  HarnessError,
  InputError,
  type ItemOptions,
  importAdapter,
  type LoadOptions,
  LoRAHandle,
  listModelFiles,
  type Skip,
  type StepProgress,
  skip,
  type TemplateOptions,
  type TrainingItem,
} from 'lora-harness'
import type { ComputeMethod, Generation, Json, Message } from 'lora-harness/protocol'
import { transport } from '../place.js'
import { HOW, type Host, hosts } from './hosts.js'

type Lora = LoRAHandle | null | undefined

/**
 * A model that a browser computes, on its GPU if it has one: its methods take and give what LoRAModel's do, so that a
 * run's callables can be served by it.
 */
export class BrowserModel {
  readonly id: string
  readonly dtype: string
  readonly device: 'webgpu' | 'wasm'
  /** Why this device, in words. */
  readonly deviceReason: string
  readonly #host: Host

  constructor(id: string, host: Host) {
    this.id = id
    const { device, reason, dtype } = host.ready!
    this.dtype = dtype
    this.device = device
    this.deviceReason = reason
    this.#host = host
  }

  /** As LoRAModel.generate. @throws HarnessError if the browser is gone; else as there */
  async generate(
    messages: readonly Message[],
    options: GenerateOptions & { lora?: Lora; template?: TemplateOptions } = {},
  ): Promise<Generation> {
    const { lora, onToken, signal, ...rest } = options
    const seed = rest.seed ?? (rest.temperature ? randomInt(2 ** 31) : undefined)
    const told = { ...rest, ...(seed !== undefined && { seed }) }
    return (await this.#call('generate', lora, [messages, told], { signal, onToken })).result as unknown as Generation
  }

  /** As LoRAModel.score. */
  async score(
    messages: readonly Message[],
    target: string,
    { lora, ...options }: ItemOptions & { lora?: Lora } = {},
  ): Promise<{ nll: number; tokens: number }> {
    return (await this.#call('score', lora, [messages, target, options])).result as { nll: number; tokens: number }
  }

  /** As LoRAModel.finetune: the new adapter is fetched and saved where the kernel's own are. */
  async finetune(
    lora: Lora,
    input: TrainingItem | readonly TrainingItem[],
    options: FinetuneOptions = {},
  ): Promise<LoRAHandle | Skip> {
    const { onStep, signal, ...rest } = options
    const { result, zip } = await this.#call('finetune', lora, [input, rest], { signal, onStep })
    const { skipped, metadata } = result as { skipped?: string; metadata?: Record<string, Json> }
    if (skipped !== undefined) return skip(skipped)
    if (!zip) throw new HarnessError(`finetuning ${this.id} in the browser: it named no adapter and no reason`)
    const saved = await importAdapter(zip)
    return new LoRAHandle({ ...saved, ...(metadata && { metadata }) })
  }

  async #call(
    method: ComputeMethod,
    lora: Lora,
    args: readonly unknown[],
    { signal, onToken, onStep }: Told = {},
  ): ReturnType<Host['call']> {
    const adapter = lora ? { identifier: lora.identifier, zip: await exportAdapter(lora) } : null
    return this.#host.call(method, adapter, JSON.parse(JSON.stringify(args)) as Json[], {
      signal,
      token: onToken,
      step: onStep && (progress => onStep(progress as unknown as StepProgress)),
    })
  }
}

interface Told {
  signal?: AbortSignal | undefined
  onToken?: GenerateOptions['onToken'] | undefined
  onStep?: FinetuneOptions['onStep'] | undefined
}

/**
 * Has a browser serve a model: the tab in which a person chooses "Run inference in this browser". Waits for it, and says
 * so in the cell; an interrupt ends the waiting.
 *
 * @param idOrFolder as for LoRAModel.load; the files are found on the kernel's machine, sent once, and kept by the browser
 * @throws InputError as LoRAModel.load; HarnessError if there is no page, or the model cannot be loaded there
 */
export async function browserModel(
  idOrFolder: string,
  { dtype = 'auto' }: Pick<LoadOptions, 'dtype'> = {},
): Promise<BrowserModel> {
  const page = transport()
  if (page.kernel === 'none') throw new InputError('browserModel: there is no browser here; use LoRAModel.load')
  const listing = await listModelFiles(idOrFolder, dtype)
  const size = (listing.files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(0)
  const giveUp = new AbortController()
  const off = page.onInterrupt(() => giveUp.abort(new HarnessError('browserModel: interrupted while waiting')))
  try {
    const serving = hosts().serve(listing, giveUp.signal)
    if (!serving.offered)
      await page.display({ 'text/plain': `Waiting for a browser to serve ${listing.id} (${size} MB). ${HOW}` })
    return new BrowserModel(listing.id, await serving.host)
  } finally {
    off()
  }
}
