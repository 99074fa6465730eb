import { expect, test } from 'vitest'
import { requirePlacement } from '../../src/engine/placement.js'

const event = (op_name: string, provider: string, from: string, to: string) => ({
  cat: 'Node',
  args: { op_name, provider, input_type_shape: [{ [from]: [2] }], output_type_shape: [{ [to]: [2] }] },
})
const [CPU, GPU] = ['CPUExecutionProvider', 'WebGpuExecutionProvider']
const look = (...events: object[]) => requirePlacement([{ cat: 'Session' }, ...events], 'webgpu', 'tiny')

test('arithmetic on the device, sizes and positions on the CPU', () => {
  look(
    event('MatMul', GPU, 'float', 'float'),
    event('Shape', CPU, 'float', 'int64'),
    event('Gather', CPU, 'int64', 'int64'),
    event('Cast', CPU, 'int64', 'float'),
    event('MemcpyToHost', CPU, 'float', 'float'),
  )
})

test('arithmetic on the CPU is an error that names the operators', () => {
  expect(() =>
    look(
      event('MatMul', GPU, 'float', 'float'),
      event('FusedMatMul', CPU, 'float', 'float'),
      event('FusedMatMul', CPU, 'float16', 'float16'),
      event('LogSoftmax', CPU, 'float', 'float'),
    ),
  ).toThrow(
    'tiny on webgpu: part of it ran on the CPU, because ONNX Runtime has no kernel for it there: 2 FusedMatMul, 1 LogSoftmax.',
  )
})

test.each<[string, unknown]>([
  ['nothing', []],
  ['no list', { traceEvents: [] }],
  ['no nodes', [{ cat: 'Session', args: {} }, null, 3]],
])('a profile of %s proves nothing', (_, events) => {
  expect(() => requirePlacement(events, 'webgpu', 'tiny')).toThrow('names no nodes')
})
