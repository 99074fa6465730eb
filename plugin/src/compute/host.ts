import type { LoRAModel } from 'lora-harness/browser'
import { ComputeOrder, type ComputeWord, type ModelFile, pull, Wanted } from 'lora-harness/protocol'
import type { Engine } from './engine.js'
import { isWhole, keepFile, keptFile } from './kept.js'

/** What a browser that offered itself is doing. */
export type HostStatus =
  /** No cell asks for a model; `why` in words. */
  | { kind: 'waiting'; why: string }
  | { kind: 'loading'; model: string; come: number; bytes: number }
  | {
      kind: 'ready'
      model: string
      device: string
      reason: string
      /** Answers and updates since it was loaded. */
      calls: number
      /** Of the last answer. */
      tokensPerSecond: number | null
      /** Why the model's files were not kept for the next time; null if they were. */
      notKept: string | null
    }
  | { kind: 'failed'; error: string }
  | { kind: 'ended' }

/** A line to the kernel. */
export type Say = (word: ComputeWord, buffers?: readonly ArrayBuffer[]) => void

type Call = Extract<ComputeOrder, { type: 'call' }>

/** The time between two words to the kernel while a call takes long [ms]. */
const ALIVE = 5_000
/** Adapters that were made and may not have been fetched yet. */
const KEPT_ZIPS = 8

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const identifierOf = (name: string): string => name.slice('adapter:'.length)

/** Serves a model to a kernel, in this browser. Knows nothing of JupyterLab: orders come in by `told`, words go out by `say`. */
export class ComputeHost {
  readonly device: 'webgpu' | 'wasm'
  readonly #say: Say
  readonly #engine: () => Promise<Engine>
  readonly #wanted = new Wanted()
  readonly #stops = new Map<number, AbortController>()
  readonly #made = new Map<string, Uint8Array>()
  /** Adapters that the engine has in its memory. */
  readonly #known = new Set<string>()
  readonly #listeners = new Set<() => void>()
  #model: LoRAModel | undefined
  #status: HostStatus = { kind: 'waiting', why: '' }
  /** Calls are done one after the other, as they came. */
  #queue: Promise<void> = Promise.resolve()

  constructor(device: 'webgpu' | 'wasm', say: Say, engine: () => Promise<Engine>) {
    this.device = device
    this.#say = say
    this.#engine = engine
  }

  get status(): HostStatus {
    return this.#status
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #now(status: HostStatus): void {
    this.#status = status
    for (const listener of this.#listeners) listener()
  }

  /** @param data untrusted */
  told(data: unknown, buffers: readonly ArrayBuffer[] = []): void {
    const { data: order } = ComputeOrder.safeParse(data)
    switch (order?.type) {
      case undefined:
        this.#now({ kind: 'failed', error: 'the kernel said something that is not of this protocol' })
        break
      case 'wait':
        this.#now({ kind: 'waiting', why: order.why })
        break
      case 'part':
        this.#wanted.came(order.name, order.offset, new Uint8Array(buffers[0] ?? new ArrayBuffer()))
        break
      case 'missing':
        this.#wanted.missing(order.name, order.why)
        break
      case 'want':
        this.#part(order)
        break
      case 'stop':
        this.#stops.get(order.call)?.abort()
        break
      case 'serve':
        void this.#load(order.id, order.files)
        break
      case 'call':
        this.#stops.set(order.call, new AbortController())
        this.#queue = this.#queue.then(() => this.#serve(order))
    }
  }

  async #load(id: string, files: readonly ModelFile[]): Promise<void> {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
    let [done, notKept] = [0, null as string | null]
    const loading = (come: number) => this.#now({ kind: 'loading', model: id, come, bytes })
    try {
      loading(0)
      const all = new Map<string, Uint8Array>()
      for (const file of files) {
        let content = await keptFile(file.sha256)
        if (!content) {
          content = await this.#pull(file.name, file.bytes, come => loading(done + come))
          if (!(await isWhole(content, file.sha256))) throw new Error(`${file.name} did not come whole; try again`)
          notKept ??= await keepFile(file.sha256, content)
        }
        all.set(file.name, content)
        done += file.bytes
        loading(done)
      }
      const engine = await this.#engine()
      // A name of its own for each set of files.
      const name = `${id}#${files.map(({ sha256 }) => sha256.slice(0, 8)).join('')}`
      await engine.provideModel(name, all)
      this.#model = await engine.LoRAModel.load(name, { device: this.device })
      const { device, deviceReason: reason, dtype } = this.#model
      this.#now({ ...{ kind: 'ready', model: id, device, reason, calls: 0, tokensPerSecond: null }, notKept })
      this.#say({ type: 'ready', device: device === 'webgpu' ? 'webgpu' : 'wasm', reason, dtype })
    } catch (error) {
      this.#now({ kind: 'failed', error: messageOf(error) })
      this.#say({ type: 'failed', error: messageOf(error).slice(0, 10_000) })
    }
  }

  #pull(name: string, bytes: number, onBytes?: (come: number) => void): Promise<Uint8Array<ArrayBuffer>> {
    const want = (offset: number, length: number) => {
      const part = this.#wanted.wait(name, offset)
      this.#say({ type: 'want', name, offset, length })
      return part
    }
    return pull(bytes, want, onBytes)
  }

  #part({ name, offset, length }: { name: string; offset: number; length: number }): void {
    const zip = this.#made.get(identifierOf(name))
    if (zip) this.#say({ type: 'part', name, offset }, [zip.slice(offset, offset + length).buffer as ArrayBuffer])
    else this.#say({ type: 'missing', name, why: `${name} is not in this browser's memory` })
  }

  async #serve(order: Call): Promise<void> {
    const { call } = order
    const alive = setInterval(() => this.#say({ type: 'alive' }), ALIVE)
    const { signal } = this.#stops.get(call)!
    try {
      signal.throwIfAborted()
      if (!this.#model) throw new Error('no model is loaded in this browser')
      this.#say({ type: 'done', call, ...(await this.#compute(this.#model, order, signal)) } as ComputeWord)
    } catch (error) {
      const { name } = error as Error
      this.#say({ type: 'error', call, name: String(name), message: messageOf(error).slice(0, 10_000) })
    } finally {
      clearInterval(alive)
      this.#stops.delete(call)
    }
  }

  async #compute(model: LoRAModel, { call, method, lora: told, args }: Call, signal: AbortSignal) {
    const engine = await this.#engine()
    const lora = told && (await this.#adapter(engine, told))
    // What LoRAModel takes; it says itself what is wrong with it.
    const [first, second, third] = args as never[]
    if (method === 'score') return { result: await model.score(first!, second!, { ...(third as object), lora }) }
    if (method === 'generate') {
      const from = performance.now()
      const onToken = (text: string) => this.#say({ type: 'token', call, text })
      const result = await model.generate(first!, { ...(second as object), lora, signal, onToken })
      this.#served((1000 * result.newTokens) / (performance.now() - from))
      return { result }
    }
    const onStep = (progress: unknown) => this.#say({ type: 'step', call, progress: progress as never })
    const made = await model.finetune(lora, first!, { ...(second as object), signal, onStep })
    this.#served(null)
    if (made instanceof engine.Skip) return { result: { skipped: made.reason } }
    const { identifier, metadata } = made
    const zip = await engine.exportAdapter(made)
    this.#known.add(identifier)
    this.#made.set(identifier, zip)
    if (this.#made.size > KEPT_ZIPS) this.#made.delete(this.#made.keys().next().value!)
    return { result: { metadata }, adapter: { identifier, bytes: zip.byteLength } }
  }

  async #adapter(engine: Engine, { identifier, bytes }: { identifier: string; bytes: number }) {
    if (!this.#known.has(identifier)) {
      const found = await engine.importAdapter(await this.#pull(`adapter:${identifier}`, bytes))
      if (found.identifier !== identifier)
        throw new Error(
          `adapter ${identifier.slice(0, 12)} came as ${found.identifier.slice(0, 12)}: it is another one`,
        )
      this.#known.add(identifier)
    }
    return new engine.LoRAHandle({ identifier })
  }

  #served(tokensPerSecond: number | null): void {
    const { status } = this
    if (status.kind !== 'ready') return
    this.#now({ ...status, calls: status.calls + 1, tokensPerSecond: tokensPerSecond ?? status.tokensPerSecond })
  }

  /** Ends it: what is under way is stopped, and the memory of the model is given back. */
  async dispose(why = 'this browser serves no longer'): Promise<void> {
    for (const stop of this.#stops.values()) stop.abort()
    this.#wanted.fail(new Error(why))
    this.#now({ kind: 'ended' })
    await this.#model?.dispose()
  }
}
