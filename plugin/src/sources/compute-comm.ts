import type { Kernel } from '@jupyterlab/services'
import { COMPUTE_COMM } from 'lora-harness/protocol'
import type { ComputeLine } from '../compute/control.js'
import { commOn } from './raw-comm.js'

/** Opens the comm on which this page serves a model to a kernel. */
export function openComputeComm(
  kernel: Kernel.IKernelConnection,
  client: string,
  device: 'webgpu' | 'wasm',
  told: (data: unknown, buffers: readonly ArrayBuffer[]) => void,
  closed: () => void,
): ComputeLine {
  const comm = commOn(kernel, COMPUTE_COMM)
  // Buffers come as views on the whole message.
  comm.onMsg = ({ content, buffers = [] }) =>
    told(
      content.data,
      buffers.map(one => {
        const view =
          one instanceof ArrayBuffer ? new Uint8Array(one) : new Uint8Array(one.buffer, one.byteOffset, one.byteLength)
        return view.slice().buffer
      }),
    )
  comm.onClose = closed
  comm.open({ client, device })
  return {
    say(word, buffers = []) {
      if (!comm.isDisposed && !kernel.isDisposed) comm.send(word as never, undefined, [...buffers])
    },
    close() {
      if (comm.isDisposed) return
      comm.onClose = () => {}
      if (!kernel.isDisposed) comm.close()
    },
  }
}
