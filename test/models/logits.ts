import { InferenceSession, Tensor } from 'onnxruntime-node'

const ints = (xs: readonly number[]) => new Tensor('int64', BigInt64Array.from(xs, BigInt), [1, xs.length])

/**
 * Logits [T, V] of a model file, as the runtime computes them with its default settings.
 *
 * @param cached this many of `ids` go in a call of their own, the rest follows on its keys and values
 */
export async function logits(path: string, ids: readonly number[], cached = 0): Promise<Float32Array[]> {
  const session = await InferenceSession.create(path, { logSeverityLevel: 3 })
  try {
    let past: Record<string, Tensor> = Object.fromEntries(
      session.inputMetadata.flatMap(m => {
        if (!m.isTensor || !m.name.startsWith('past_key_values')) return []
        const [, kvHeads, , headWidth] = m.shape as number[]
        return [[m.name, new Tensor('float32', new Float32Array(0), [1, kvHeads!, 0, headWidth!])]]
      }),
    )
    const rows: Float32Array[] = []
    for (const [from, to] of [
      [0, cached],
      [cached, ids.length],
    ] as const) {
      if (from === to) continue
      const attention_mask = ints(Array<number>(to).fill(1))
      const out = await session.run({ input_ids: ints(ids.slice(from, to)), attention_mask, ...past })
      const data = out.logits!.data as Float32Array
      const vocabulary = out.logits!.dims[2]!
      for (let t = 0; t < to - from; t++) rows.push(data.slice(t * vocabulary, (t + 1) * vocabulary))
      past = Object.fromEntries(Object.keys(past).map(k => [k, out[k.replace('past_key_values', 'present')]!]))
    }
    return rows
  } finally {
    await session.release()
  }
}

/** Largest difference of two tables of one shape. */
export function difference(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
  let most = 0
  for (const [t, row] of a.entries())
    for (let i = 0; i < row.length; i++) {
      const d = Math.abs(row[i]! - b[t]![i]!)
      if (!(d <= most)) most = d
    }
  return most
}
