/** A browser that serves a model, with the test in the kernel's place: words go to `toKernel`, orders come by `told`. */
import type { ComputeWord } from 'lora-harness/protocol'
import { loadEngine } from '../../src/compute/engine.js'
import { ComputeHost } from '../../src/compute/host.js'

declare const toKernel: (word: ComputeWord, buffers: string[]) => void

const base64Of = (buffer: ArrayBuffer): string =>
  btoa(Array.from(new Uint8Array(buffer), b => String.fromCharCode(b)).join(''))
const bytesOf = (base64: string): ArrayBuffer => Uint8Array.from(atob(base64), c => c.charCodeAt(0)).buffer

let host: ComputeHost | undefined
Object.assign(globalThis, {
  offer(device: 'webgpu' | 'wasm') {
    host = new ComputeHost(
      device,
      (word, buffers = []) => toKernel(word, buffers.map(base64Of)),
      () => loadEngine(new URL('./', location.href).href),
    )
  },
  told: (order: unknown, buffers: string[]) => host!.told(order, buffers.map(bytesOf)),
  hostStatus: () => host!.status,
  end: () => host!.dispose(),
})
