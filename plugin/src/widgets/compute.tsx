import type { TranslationBundle } from '@jupyterlab/translation'
import { useSyncExternalStore } from 'react'
import type { Compute, ComputeStatus } from '../compute/control.js'

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)

/** What this browser is doing for the kernel, in a sentence. */
export function computeWords(status: ComputeStatus, trans: TranslationBundle): string {
  switch (status.kind) {
    case 'off':
    case 'ended':
      return ''
    case 'waiting':
      return trans.__('This browser waits to serve a model. %1', status.why)
    case 'loading':
      return trans.__('Loading %1: %2 of %3 MB.', status.model, megabytes(status.come), megabytes(status.bytes))
    case 'failed':
      return trans.__('This browser could not serve the model: %1', status.error)
    case 'ready': {
      const device = status.device === 'webgpu' ? 'WebGPU' : trans.__('WebAssembly on the CPU')
      const speed = status.tokensPerSecond === null ? '' : trans.__(', %1 tokens/s', status.tokensPerSecond.toFixed(1))
      const kept =
        status.notKept === null ? '' : ` ${trans.__('Its files will be sent again next time: %1', status.notKept)}`
      return `${trans.__('This browser serves %1 on %2: %3 calls%4.', status.model, device, status.calls, speed)}${kept}`
    }
  }
}

/** A line on the model that this browser serves to the kernel, with what can be done about it; nothing if it serves none. */
export function ComputeLine({ compute, trans }: { compute: Compute; trans: TranslationBundle }) {
  const status = useSyncExternalStore(compute.subscribe, () => compute.status)
  if (status.kind === 'off' || status.kind === 'ended') return null
  const { device } = compute
  return (
    <div className="lh-Compute" data-lh="compute" data-state={status.kind} role="status">
      <span title={status.kind === 'ready' ? status.reason : undefined}>{computeWords(status, trans)}</span>
      {status.kind === 'loading' && <progress max={status.bytes} value={status.come} />}
      {status.kind === 'failed' && device && (
        <button type="button" className="lh-Button" onClick={() => compute.start(device)}>
          {trans.__('Try again')}
        </button>
      )}
      {status.kind === 'failed' && device === 'webgpu' && (
        <button type="button" className="lh-Button" data-lh="use-wasm" onClick={() => compute.start('wasm')}>
          {trans.__('Use WebAssembly on the CPU instead')}
        </button>
      )}
      <button type="button" className="lh-Button" data-lh="compute-stop" onClick={() => compute.stop()}>
        {trans.__('Stop serving')}
      </button>
    </div>
  )
}
