import { HarnessError } from '../errors.js'

/** A node's event in the runtime's profile. */
interface NodeEvent {
  cat: 'Node'
  args: {
    op_name: string
    provider: string
    input_type_shape?: Record<string, number[]>[]
    output_type_shape?: Record<string, number[]>[]
  }
}

const isNodeEvent = (event: unknown): event is NodeEvent => {
  const { cat, args } = (event ?? {}) as { cat?: unknown; args?: { provider?: unknown; op_name?: unknown } }
  return cat === 'Node' && typeof args?.provider === 'string' && typeof args.op_name === 'string'
}

/**
 * Element types of the arithmetic that belongs on the device. Integers are sizes and positions: the runtime works them
 * out on the CPU on purpose, because it needs them there to launch what the device does; and it makes floats of them
 * there.
 */
const FLOATS = ['float', 'float16', 'double', 'bfloat16']
const hasFloats = (tensors: Record<string, number[]>[] = []): boolean =>
  tensors.some(tensor => Object.keys(tensor).some(type => FLOATS.includes(type)))

/**
 * Fails if part of a model's arithmetic ran on the CPU although another device was to do it: the runtime moves what a
 * device has no kernel for there without a word, and its option against that (`session.disable_cpu_ep_fallback`)
 * refuses the sizes and positions too, which belong there. So the first run is profiled and looked at.
 *
 * @param events of the profile of one run
 * @throws HarnessError naming the operators
 */
export function requirePlacement(events: unknown, device: string, what: string): void {
  if (!Array.isArray(events) || !events.some(isNodeEvent))
    throw new HarnessError(`${what} on ${device}: the runtime's profile of the first run names no nodes`)
  const strays = new Map<string, number>()
  for (const event of events.filter(isNodeEvent)) {
    const { provider, op_name, input_type_shape, output_type_shape } = event.args
    if (provider !== 'CPUExecutionProvider' || op_name.startsWith('Memcpy')) continue
    if (hasFloats(input_type_shape) && hasFloats(output_type_shape)) strays.set(op_name, (strays.get(op_name) ?? 0) + 1)
  }
  if (strays.size === 0) return
  const found = [...strays].map(([op, n]) => `${n} ${op}`).join(', ')
  throw new HarnessError(
    `${what} on ${device}: part of it ran on the CPU, because ONNX Runtime has no kernel for it there: ${found}. ` +
      `Use the device 'cpu', or another export of the model`,
  )
}
