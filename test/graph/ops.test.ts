import { describe, expect, test } from 'vitest'
import { Emit } from '../../src/graph/emit.js'
import { type Dim, emptyGraph, type Node } from '../../src/graph/graph.js'

interface Case {
  op: string
  inputs: Dim[][]
  /** int64 constants that follow the inputs. */
  ints?: number[][]
  attrs?: Node['attrs']
  gives: Dim[] | string
}

/** `gives` is the sizes of the first output, or a part of the error's text. */
const cases: Case[] = [
  { op: 'Add', inputs: [['B', 'T', 1], [4]], gives: ['B', 'T', 4] },
  { op: 'Add', inputs: [[], ['T']], gives: ['T'] },
  { op: 'Add', inputs: [[2, 3], [2]], gives: 'Add(x0 [2,3], x1 [2]): cannot broadcast [2,3] with [2]' },
  { op: 'Add', inputs: [['B'], ['T']], gives: 'cannot broadcast [B] with [T]' },
  {
    op: 'LessOrEqual',
    inputs: [
      [1, 'T'],
      ['T', 1],
    ],
    gives: ['T', 'T'],
  },
  { op: 'Where', inputs: [['T', 1], [], [3]], gives: ['T', 3] },
  {
    op: 'MatMul',
    inputs: [
      ['B', 2, 'T', 4],
      [4, 3],
    ],
    gives: ['B', 2, 'T', 3],
  },
  {
    op: 'MatMul',
    inputs: [
      ['T', 4],
      [3, 4],
    ],
    gives: '[T,4] · [3,4]: inner sizes 4 and 3 differ',
  },
  {
    op: 'com.microsoft.FusedMatMul',
    inputs: [
      ['T', 4],
      [3, 4],
    ],
    attrs: { transB: 1 },
    gives: ['T', 3],
  },
  {
    op: 'com.microsoft.FusedMatMul',
    inputs: [
      ['T', 4],
      ['T', 3],
    ],
    attrs: { transA: 1 },
    gives: [4, 3],
  },
  { op: 'com.microsoft.MatMulNBits', inputs: [['B', 'T', 64]], attrs: { K: 64, N: 128 }, gives: ['B', 'T', 128] },
  {
    op: 'com.microsoft.MatMulNBits',
    inputs: [['B', 'T', 32]],
    attrs: { K: 64, N: 128 },
    gives: '[B,T,32] · [64, 128]: inner sizes 32 and 64 differ',
  },
  { op: 'Transpose', inputs: [['B', 'T', 3]], gives: [3, 'T', 'B'] },
  { op: 'Transpose', inputs: [['B', 'T', 3]], attrs: { perm: [0, 2, 1] }, gives: ['B', 3, 'T'] },
  { op: 'ReduceSum', inputs: [['B', 'T', 3]], ints: [[-1]], gives: ['B', 'T', 1] },
  { op: 'ReduceSum', inputs: [['B', 'T', 3]], ints: [[0, 1]], attrs: { keepdims: 0 }, gives: [3] },
  { op: 'ReduceMean', inputs: [['B', 'T', 3]], attrs: { keepdims: 0 }, gives: [] },
  { op: 'Reshape', inputs: [['B', 'T', 64]], ints: [[0, 0, 4, 16]], gives: ['B', 'T', 4, 16] },
  { op: 'Reshape', inputs: [['B', 'T', 64]], ints: [[0, -1, 16]], gives: ['B', '4*T', 16] },
  { op: 'Reshape', inputs: [['B', 4, 'T', 16]], ints: [[0, 2, 2, -1, 16]], gives: ['B', 2, 2, 'T', 16] },
  { op: 'Reshape', inputs: [['B', 'T', 64]], ints: [[-1, 64]], gives: ['B*T', 64] },
  { op: 'Reshape', inputs: [['B', 'T', 64]], ints: [[-1]], gives: ['64*B*T'] },
  { op: 'Reshape', inputs: [[6]], ints: [[2, -1]], gives: [2, 3] },
  { op: 'Reshape', inputs: [['S', 1]], ints: [[-1]], gives: ['S'] },
  { op: 'Reshape', inputs: [[5]], ints: [[2, -1]], gives: 'cannot reshape [5] to [2,-1]' },
  { op: 'Reshape', inputs: [[5]], ints: [[2, 3]], gives: 'cannot reshape [5] to [2,3]' },
  { op: 'Reshape', inputs: [['B', 'T', 64]], ints: [[0, 0, 4, 15]], gives: 'cannot reshape [B,T,64] to [B,T,4,15]' },
  { op: 'Unsqueeze', inputs: [['B', 'T']], ints: [[0, -1]], gives: [1, 'B', 'T', 1] },
  {
    op: 'Concat',
    inputs: [
      ['B', 2],
      ['B', 3],
    ],
    attrs: { axis: -1 },
    gives: ['B', 5],
  },
  {
    op: 'Concat',
    inputs: [
      ['past', 2],
      ['T', 2],
    ],
    attrs: { axis: 0 },
    gives: ['T+past', 2],
  },
  { op: 'Slice', inputs: [['B', 8]], ints: [[2], [6], [1]], gives: ['B', 4] },
  { op: 'Slice', inputs: [['B', 8]], ints: [[-3], [99], [-1]], gives: ['B', 3] },
  { op: 'Slice', inputs: [[8, 4]], ints: [[5], [2]], gives: [0, 4] },
  {
    op: 'Slice',
    inputs: [['B', 8]],
    ints: [[0], [1], [0]],
    gives: 'Slice from 0 to 1 by 1 along axis 0 of [B,8], whose size must be known',
  },
  { op: 'Slice', inputs: [['B', 8]], ints: [[0], [7], [1], [2]], gives: ['B', 4] },
  {
    op: 'Slice',
    inputs: [['B', 8]],
    ints: [[7], [0], [1], [-1]],
    gives: 'Slice from 7 to 0 by -1 along axis 1 of [B,8]',
  },
  { op: 'Slice', inputs: [['T', 8]], ints: [[0], [2 ** 31 - 1], [0]], gives: ['T', 8] },
  { op: 'Slice', inputs: [['T', 8]], ints: [[-1], [2 ** 31 - 1], [0]], gives: [1, 8] },
  { op: 'Slice', inputs: [['T', 8]], ints: [[0], [-1], [0]], gives: ['T+-1', 8] },
  {
    op: 'Gather',
    inputs: [
      [320, 64],
      ['B', 'T'],
    ],
    gives: ['B', 'T', 64],
  },
  { op: 'Gather', inputs: [['B', 8, 4], []], attrs: { axis: 1 }, gives: ['B', 4] },
  {
    op: 'GatherElements',
    inputs: [
      ['S', 320],
      ['S', 1],
    ],
    attrs: { axis: 1 },
    gives: ['S', 1],
  },
  { op: 'Shape', inputs: [['B', 'T', 4]], gives: [3] },
  { op: 'Shape', inputs: [['B', 'T', 4]], attrs: { start: 1, end: -1 }, gives: [1] },
  { op: 'Squeeze', inputs: [['B', 1, 4, 1]], gives: ['B', 4] },
  { op: 'Squeeze', inputs: [['B', 1, 4, 1]], ints: [[-1]], gives: ['B', 1, 4] },
  { op: 'Flatten', inputs: [['B', 'T', 4]], attrs: { axis: 2 }, gives: ['B*T', 4] },
  { op: 'Expand', inputs: [['B', 1, 4]], ints: [[2, 5]], gives: 'cannot broadcast' },
  { op: 'Expand', inputs: [['B', 1, 4]], ints: [[2, 1, 3, 1]], gives: [2, 'B', 3, 4] },
  { op: 'Tile', inputs: [['B', 4]], ints: [[1, 3]], gives: ['B', 12] },
  { op: 'ConstantOfShape', inputs: [], ints: [[2, 3]], gives: [2, 3] },
  { op: 'ReduceMean', inputs: [['B', 'T', 4]], attrs: { axes: [-1] }, gives: ['B', 'T', 1] },
  {
    op: 'Gemm',
    inputs: [
      [4, 'T'],
      [3, 4],
    ],
    attrs: { transA: 1, transB: 1 },
    gives: ['T', 3],
  },
  {
    op: 'GatherND',
    inputs: [
      ['B', 5, 6],
      ['T', 2],
    ],
    gives: ['T', 6],
  },
  {
    op: 'com.microsoft.MultiHeadAttention',
    inputs: [
      ['B', 'T', 64],
      ['B', 'T', 64],
      ['B', 4, 'T', 8],
    ],
    gives: ['B', 'T', 32],
  },
  { op: 'Pad', inputs: [['B', 4]], ints: [[0, 1, 0, 2]], gives: ['B', 7] },
  { op: 'Pad', inputs: [['B', 4]], ints: [[1, 0, 0, 0]], gives: 'Pad along axis 0 of [B,4], whose size is not known' },
  {
    op: 'com.microsoft.GroupQueryAttention',
    inputs: [['B', 'T', 128]],
    attrs: { num_heads: 4, kv_num_heads: 2 },
    gives: ['B', 'T', 64],
  },
  {
    op: 'com.microsoft.GroupQueryAttention',
    inputs: [['B', 'T', 'W']],
    attrs: { num_heads: 4, kv_num_heads: 2 },
    gives: 'the packed width of [B,T,W] must be known',
  },
  { op: 'Cast', inputs: [['T']], attrs: { to: 8 }, gives: 'Cast to ONNX type 8, which this compiler does not know' },
  { op: 'Cast', inputs: [['T']], gives: 'attribute to must be a number, found undefined' },
  { op: 'Neg', inputs: [], gives: 'Neg(): input 0 is absent or has no known type' },
]

describe('shape rules', () => {
  test.each(
    cases.map(
      c =>
        [
          `${c.op}(${c.inputs.map(d => `[${d}]`).join(', ')})${c.ints ? ` by ${c.ints.map(i => `[${i}]`).join(' ')}` : ''}`,
          c,
        ] as const,
    ),
  )('%s', (_, { op, inputs, ints = [], attrs, gives }) => {
    const e = new Emit(emptyGraph())
    const values = [...inputs.map((dims, i) => e.input(`x${i}`, dims, 'float32')), ...ints.map(i => e.ints(...i))]
    if (typeof gives === 'string') expect(() => e.op(op, values, attrs)).toThrow(gives)
    else expect(e.dims(e.op(op, values, attrs))).toEqual(gives)
  })

  test('the element type follows the input; a comparison gives bool, a cast what it says', () => {
    const e = new Emit(emptyGraph())
    const x = e.input('x', [2], 'float64')
    const i = e.input('i', [2], 'int64')
    expect(e.type(e.neg(x)).dtype).toBe('float64')
    expect(e.type(e.op('LessOrEqual', [i, i])).dtype).toBe('bool')
    expect(e.type(e.op('Where', [e.op('LessOrEqual', [i, i]), x, x])).dtype).toBe('float64')
    expect(e.type(e.cast(x, 'float16')).dtype).toBe('float16')
    expect(e.type(e.op('Shape', [x])).dtype).toBe('int64')
  })
})
