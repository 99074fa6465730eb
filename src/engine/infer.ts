import { type Adapter, scaleOf } from '../lora/adapter.js'
import { type LoraGroup, tensorName } from '../rules/lora.js'
import { fromHalf, toHalf } from '../tensor.js'
import type { Device } from './platform.js'
import { type Feeds, float32, int64, type OrtTensor, type Session, tensorLike } from './session.js'

/**
 * An adapter as the inputs of an inference graph: for each group A [in, R] and its Bs [R, out], scale folded in.
 * Without an adapter every R is 0; on WebGPU, which has no empty buffers (native builds end the process), one row of
 * zeros stands for it.
 */
export function loraFeeds(groups: readonly LoraGroup[], adapter: Adapter | null, device: Device = 'cpu'): Feeds {
  const feeds: Feeds = {}
  const least = device === 'webgpu' ? 1 : 0
  const plan = groups.map(group => {
    const held = group.modules.flatMap(m => {
      const A = adapter?.tensors.get(tensorName(m.name, 'A'))
      return A ? [{ name: m.name, A: A.data, r: A.dims[0]! }] : []
    })
    const R = held.reduce((sum, m) => sum + m.r, 0)
    return { group, held, R: Math.max(least, R) }
  })
  // One piece of memory for all: hundreds of small ones cost more than what is written into them.
  const sizes = plan.flatMap(({ group, R }) => [R * group.in, ...group.nodes.map(n => R * n.out)])
  const memory = new Float32Array(sizes.reduce((sum, n) => sum + n, 0))
  let used = 0
  const take = (n: number) => {
    used += n
    return memory.subarray(used - n, used)
  }
  for (const { group, held, R } of plan) {
    const A = take(R * group.in)
    const rows = new Map<string, number>() // module → its first row in B
    let at = 0
    for (const m of held) {
      rows.set(m.name, at)
      transpose(m.A, 0, m.r, group.in, A, at, R, 1)
      at += m.r
    }
    feeds[group.a] = floats(A, [group.in, R], group.dtype)
    for (const node of group.nodes) {
      const B = take(R * node.out)
      let column = 0
      for (const m of node.modules) {
        const row = rows.get(m.name)
        if (adapter && row !== undefined) {
          const { data, dims } = adapter.tensors.get(tensorName(m.name, 'B'))!
          const r = dims[1]!
          const s = scaleOf(adapter.config, m.name)
          const first = m.part?.first ?? 0
          transpose(data, first * r, m.out, r, B, row * node.out + column, node.out, s)
        }
        column += m.out
      }
      feeds[node.b] = floats(B, [R, node.out], group.dtype)
    }
  }
  return feeds
}

/**
 * Writes s · xᵀ into y: x [rows, columns] from `from`, y from `at` with `stride` numbers to a row. An adapter of 2.4
 * million numbers is laid out anew at every load, so the inner loop is over the short side, where both stay in cache.
 */
function transpose(
  x: Float32Array,
  from: number,
  rows: number,
  columns: number,
  y: Float32Array,
  at: number,
  stride: number,
  s: number,
): void {
  if (rows < columns)
    for (let j = 0; j < columns; j++)
      for (let i = 0; i < rows; i++) y[at + j * stride + i] = s * x[from + i * columns + j]!
  else
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) y[at + j * stride + i] = s * x[from + i * columns + j]!
}

/**
 * One pass over a whole sequence, without a cache.
 *
 * @param keep rows of logits wanted, from the end; 0 for all
 * @returns logits [n, V]
 */
export async function forward(
  session: Session,
  lora: Feeds,
  inputIds: readonly number[],
  keep: number,
): Promise<{ data: Float32Array; dims: [number, number] }> {
  const T = inputIds.length
  const feeds: Feeds = { ...lora, input_ids: int64(inputIds, [1, T]) }
  for (const meta of session.inputMetadata) {
    if (meta.name === 'attention_mask') feeds[meta.name] = int64(Array<number>(T).fill(1), [1, T])
    else if (meta.name === 'position_ids')
      feeds[meta.name] = int64(
        Array.from({ length: T }, (_, i) => i),
        [1, T],
      )
    else if (meta.name === 'num_logits_to_keep') feeds[meta.name] = int64([keep], [])
    // Past keys and values [B, K, 0, W]: the one symbolic size beside the batch is the length, which is nothing yet.
    else if (meta.name.startsWith('past_key_values.') && meta.isTensor)
      feeds[meta.name] = floats(
        new Float32Array(0),
        meta.shape.map((d, i) => (i === 0 ? 1 : typeof d === 'number' ? d : 0)),
        meta.type,
      )
  }
  const { logits } = await session.run(feeds, ['logits'])
  const [, n, V] = logits!.dims as [number, number, number]
  return { data: logits!.type === 'float16' ? fromHalf(logits!.data) : (logits!.data as Float32Array), dims: [n, V] }
}

/** Floats as a model's inputs are: half as long, if it computes so. */
const floats = (data: Float32Array, dims: readonly number[], type: string): OrtTensor =>
  type === 'float16' ? tensorLike({ type } as OrtTensor, toHalf(data), dims) : float32(data, dims)

/** −log softmax(row)[target], in float64 [nats]. */
export function negativeLogLikelihood(row: Float32Array, target: number): number {
  let max = Number.NEGATIVE_INFINITY
  for (const x of row) if (x > max) max = x
  let sum = 0
  for (const x of row) sum += Math.exp(x - max)
  return Math.log(sum) + max - row[target]!
}
