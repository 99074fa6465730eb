import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { HarnessError, InputError, type ModelListing } from 'lora-harness'
import {
  COMPUTE_COMM,
  type ComputeMethod,
  ComputeOffer,
  type ComputeOrder,
  ComputeWord,
  type Json,
  pull,
  Wanted,
} from 'lora-harness/protocol'
import { transport } from '../place.js'
import type { Comm } from '../transport.js'
import { type Deferred, deferred } from './deferred.js'

/** How a person has a browser serve. */
export const HOW =
  'In JupyterLab, choose "Run inference in this browser (WebGPU)" in the command palette or in the panel of LoRA runs.'

/** A browser of which nothing was heard for so long during a call is gone [ms]; a hidden tab's timers run once a minute. */
const SILENCE = 150_000

interface Adapter {
  identifier: string
  zip: Uint8Array
}

interface Listeners {
  signal?: AbortSignal | undefined
  token?: ((text: string) => void) | undefined
  step?: ((progress: Json) => void) | undefined
}

interface Call extends Listeners {
  resolve(done: { result: Json; zip?: Uint8Array }): void
  reject(error: unknown): void
}

/** A browser that offered itself, and what is said to it. */
export class Host {
  ready: { device: 'webgpu' | 'wasm'; reason: string; dtype: string } | undefined
  readonly #comm: Comm
  readonly #wanted = new Wanted()
  readonly #calls = new Map<number, Call>()
  /** Adapters of calls under way, for the browser to pull. */
  readonly #adapters = new Map<string, Uint8Array>()
  #listing: ModelListing | undefined
  #loading: Deferred<void> | undefined
  #next = 0
  #heard = Date.now()
  gone: Error | undefined

  constructor(comm: Comm, onGone: (host: Host) => void) {
    this.#comm = comm
    comm.onMessage((data, buffers) => this.#told(data, buffers))
    comm.onClose(() => {
      this.fail(new HarnessError(`the browser that served the model is gone (was its tab closed or reloaded?). ${HOW}`))
      onGone(this)
    })
  }

  say(order: ComputeOrder, buffers?: readonly Uint8Array[]): void {
    void this.#comm.send(order, buffers)
  }

  get serves(): ModelListing | undefined {
    return this.#listing
  }

  /** Resolves when the model is loaded there. */
  load(listing: ModelListing): Promise<void> {
    this.#listing = listing
    this.#loading = deferred<void>()
    this.say({ type: 'serve', id: listing.id, files: listing.files })
    return this.#loading.promise
  }

  call(
    method: ComputeMethod,
    adapter: Adapter | null,
    args: Json[],
    listeners: Listeners = {},
  ): Promise<{ result: Json; zip?: Uint8Array }> {
    listeners.signal?.throwIfAborted()
    if (this.gone) return Promise.reject(this.gone)
    const call = this.#next++
    const { promise, resolve, reject } = deferred<{ result: Json; zip?: Uint8Array }>()
    this.#calls.set(call, { ...listeners, resolve, reject })
    if (adapter) this.#adapters.set(adapter.identifier, adapter.zip)
    const lora = adapter && { identifier: adapter.identifier, bytes: adapter.zip.byteLength }
    this.say({ type: 'call', call, method, lora, args })
    const stop = () => this.say({ type: 'stop', call })
    listeners.signal?.addEventListener('abort', stop, { once: true })
    this.#heard = Date.now()
    const watch = setInterval(() => {
      if (Date.now() - this.#heard > SILENCE)
        this.fail(new HarnessError(`the browser that serves the model has been silent for ${SILENCE / 1000} s. ${HOW}`))
    }, 1000)
    watch.unref()
    return promise.finally(() => {
      clearInterval(watch)
      listeners.signal?.removeEventListener('abort', stop)
      this.#calls.delete(call)
      if (this.#calls.size === 0) this.#adapters.clear()
    })
  }

  /** Nothing comes from there any more. */
  fail(error: Error): void {
    this.gone ??= error
    this.#loading?.reject(error)
    this.#wanted.fail(error)
    for (const { reject } of this.#calls.values()) reject(error)
  }

  /** @param data untrusted */
  async #told(data: unknown, buffers: Uint8Array[]): Promise<void> {
    this.#heard = Date.now()
    const { data: word } = ComputeWord.safeParse(data)
    if (!word) return // Not of this protocol.
    switch (word.type) {
      case 'alive':
        break
      case 'want':
        await this.#part(word)
        break
      case 'part':
        this.#wanted.came(word.name, word.offset, buffers[0] ?? new Uint8Array())
        break
      case 'missing':
        this.#wanted.missing(word.name, word.why)
        break
      case 'ready':
        this.ready = word
        this.#loading?.resolve()
        break
      case 'failed':
        this.#loading?.reject(new HarnessError(`loading the model in the browser: ${word.error}`))
        break
      default:
        // None if it was given up.
        await this.#answered(word, this.#calls.get(word.call))
    }
  }

  async #answered(word: Extract<ComputeWord, { call: number }>, call: Call | undefined): Promise<void> {
    if (word.type === 'token') call?.token?.(word.text)
    else if (word.type === 'step') call?.step?.(word.progress as Json)
    else if (word.type === 'error')
      call?.reject(
        call.signal?.aborted
          ? call.signal.reason
          : word.name === 'InputError'
            ? new InputError(word.message)
            : new HarnessError(word.message),
      )
    else
      try {
        const zip = call && word.adapter && (await this.#adapter(word.adapter))
        call?.resolve({ result: word.result as Json, ...(zip && { zip }) })
      } catch (error) {
        call?.reject(error)
      }
  }

  /** The zip file of an adapter that the browser made. */
  #adapter({ identifier, bytes }: { identifier: string; bytes: number }): Promise<Uint8Array> {
    const name = `adapter:${identifier}`
    return pull(bytes, (offset, length) => {
      const part = this.#wanted.wait(name, offset)
      this.say({ type: 'want', name, offset, length })
      return part
    })
  }

  /** A part of a file of the model, or of the adapter of a call. */
  async #part({ name, offset, length }: { name: string; offset: number; length: number }): Promise<void> {
    const adapter = name.startsWith('adapter:') ? this.#adapters.get(name.slice('adapter:'.length)) : undefined
    // A name of the list, never a path that the browser made up.
    const file = this.#listing?.files.find(f => f.name === name)
    try {
      if (adapter) return this.say({ type: 'part', name, offset }, [adapter.subarray(offset, offset + length)])
      if (!file) throw new InputError('it is no part of the model or of a call')
      const opened = await open(join(this.#listing!.folder, file.name))
      try {
        const { buffer, bytesRead } = await opened.read(new Uint8Array(length), 0, length, offset)
        this.say({ type: 'part', name, offset }, [buffer.subarray(0, bytesRead)])
      } finally {
        await opened.close()
      }
    } catch (error) {
      this.say({ type: 'missing', name, why: `reading ${name}: ${(error as Error).message}` })
    }
  }
}

interface Hosts {
  /** `offered`: a browser is there already. @param signal ends the waiting */
  serve(listing: ModelListing, signal: AbortSignal): { offered: boolean; host: Promise<Host> }
}

let known: Hosts | undefined

/** The browsers that offered themselves to this kernel; the first that is free serves what is asked for. */
export function hosts(): Hosts {
  if (known) return known
  const free = new Set<Host>()
  const asked: { listing: ModelListing; answer: Deferred<Host> }[] = []
  const busy = new Map<string, Host>()
  const keyOf = ({ files }: ModelListing) => files.map(({ sha256 }) => sha256).join()

  async function give({ listing, answer }: (typeof asked)[number], host: Host): Promise<void> {
    free.delete(host)
    busy.set(keyOf(listing), host)
    try {
      await host.load(listing)
      answer.resolve(host)
    } catch (error) {
      busy.delete(keyOf(listing))
      answer.reject(error)
    }
  }

  transport().registerCommTarget(COMPUTE_COMM, (comm, data) => {
    const offer = ComputeOffer.safeParse(data)
    if (!offer.success) {
      void comm.close()
      return
    }
    const host = new Host(comm, gone => {
      free.delete(gone)
      for (const [key, one] of busy) if (one === gone) busy.delete(key)
    })
    const next = asked.shift()
    if (next) {
      void give(next, host)
      return
    }
    free.add(host)
    const why =
      busy.size > 0
        ? 'Another browser serves the model that a cell asked for.'
        : 'No cell asks for a model yet: run one with `const model = await browserModel(…)`.'
    host.say({ type: 'wait', why })
  })
  known = {
    serve(listing, signal) {
      const serving = busy.get(keyOf(listing))
      if (serving?.ready) return { offered: true, host: Promise.resolve(serving) }
      const answer = deferred<Host>()
      const one = { listing, answer }
      const [host] = free
      if (host) void give(one, host)
      else asked.push(one)
      const givenUp = () => {
        if (asked.includes(one)) asked.splice(asked.indexOf(one), 1)
        answer.reject(signal.reason)
      }
      signal.addEventListener('abort', givenUp, { once: true })
      return { offered: host !== undefined, host: answer.promise }
    },
  }
  return known
}
