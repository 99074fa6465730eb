import { Emit } from '../graph/emit.js'
import { emptyGraph, type Graph } from '../graph/graph.js'
import { random, sizeOf } from '../tensor.js'
import type { Device } from './platform.js'
import { createSession, type Feeds, float32, int64, type OrtTensor, type Session, tensorLike } from './session.js'
import { free } from './transfer.js'

/**
 * Most tokens of one run for which the runtime does not take its kernel for long prompts (1.30 and 1.31). That kernel
 * is wrong, without an error, on devices whose subgroups are smaller than it expects; SwiftShader's are.
 */
const SHORT = 31

/** Of a head. */
const WIDTH = 64

/** Attention as exports have it, over more tokens than {@link SHORT}. */
function attentionGraph(T: number): Graph {
  const e = new Emit(emptyGraph())
  const float = (name: string, dims: (number | string)[]) => e.input(name, dims, 'float32')
  const inputs = [float('q', [1, T, 2 * WIDTH]), float('k', [1, T, WIDTH]), float('v', [1, T, WIDTH])]
  inputs.push(float('past_k', [1, 1, 'P', WIDTH]), float('past_v', [1, 1, 'P', WIDTH]))
  const attrs = { num_heads: 2, kv_num_heads: 1 }
  const lengths = [e.const([T - 1], [1], 'int32'), e.const([T], [], 'int32')]
  const outputs = ['y', 'present_k', 'present_v']
  const op = 'com.microsoft.GroupQueryAttention'
  e.graph.nodes.push({ name: 'attention', op, inputs: [...inputs, ...lengths], outputs, attrs })
  for (const v of outputs)
    e.graph.types.set(v, { dtype: 'float32', dims: v === 'y' ? [1, T, 2 * WIDTH] : [1, 1, 'L', WIDTH] })
  return { ...e.graph, outputs }
}

const seen = new Map<Device, Promise<boolean>>()

/** Whether a device gives for attention over many tokens what the reference device gives; tried once. */
export function longAttentionIsRight(device: Device, reference: Device): Promise<boolean> {
  const known = seen.get(device) ?? compared(device, reference)
  seen.set(device, known)
  return known
}

async function compared(device: Device, reference: Device): Promise<boolean> {
  const [mine, theirs] = [await attention(device), await attention(reference)]
  // An error of the kernel is of the order of the values, which is 1; half of them would do to see it.
  return mine.every((x, i) => Math.abs(x - theirs[i]!) < 1e-2)
}

async function attention(device: Device): Promise<Float32Array> {
  const graph = attentionGraph(2 * SHORT)
  const options = { weights: new Map(), purpose: 'inference', device } as const
  const session = await createSession(graph, 'a probe of attention', options)
  const rng = random(1)
  const normal = (name: string) => {
    const dims = graph.types.get(name)!.dims.map(d => (typeof d === 'number' ? d : 0))
    return [
      name,
      float32(
        Float32Array.from({ length: sizeOf(dims) }, () => rng.normal()),
        dims,
      ),
    ] as const
  }
  try {
    const { y } = await session.run(Object.fromEntries(graph.inputs.map(normal)))
    return y!.data as Float32Array
  } finally {
    await session.release()
  }
}

/** Has runs over more than {@link SHORT} tokens of one sequence done in parts, through the keys and values. */
export function inParts(session: Session): void {
  const run = session.run.bind(session) as (feeds: Feeds, wanted?: readonly string[]) => Promise<Feeds>
  const pasts = session.inputNames.filter(name => name.startsWith('past_key_values.'))
  const presentOf = (past: string) => past.replace('past_key_values', 'present')

  const runParts = async (feeds: Feeds, wanted: readonly string[] = session.outputNames): Promise<Feeds> => {
    const [B, T] = feeds.input_ids!.dims as [number, number]
    if (T <= SHORT || B !== 1 || pasts.length === 0) return run(feeds, wanted)
    const before = feeds[pasts[0]!]!.dims.at(-2)!
    const asked = Number((feeds.num_logits_to_keep?.data as BigInt64Array | undefined)?.[0] ?? 0n)
    const first = asked === 0 ? 0 : T - asked
    const logits: OrtTensor[] = []
    let past: Feeds = {}
    for (let from = 0; ; from += SHORT) {
      const to = Math.min(T, from + SHORT)
      const rows = to - Math.max(from, first)
      const own: Feeds = { ...feeds, ...past, input_ids: columns(feeds.input_ids!, from, to) }
      if (feeds.position_ids) own.position_ids = columns(feeds.position_ids, from, to)
      if (feeds.attention_mask) own.attention_mask = columns(feeds.attention_mask, 0, before + to)
      if (feeds.num_logits_to_keep) own.num_logits_to_keep = int64([Math.max(1, rows)], [])
      const outputs = await run(own, to === T ? wanted : session.outputNames)
      free(Object.values(past))
      if (rows > 0) logits.push(outputs.logits!)
      if (to === T) return { ...outputs, ...(outputs.logits && { logits: joined(logits) }) }
      past = Object.fromEntries(pasts.map(name => [name, outputs[presentOf(name)]!]))
    }
  }
  Object.assign(session, { run: runParts })
}

/** Columns `from` (inclusive) to `to` (exclusive) of [1, T]. */
const columns = (tensor: OrtTensor, from: number, to: number): OrtTensor =>
  tensorLike(tensor, (tensor.data as BigInt64Array).slice(from, to), [1, to - from])

/** Rows [1, n, V] of several tensors on the host, one after the other. */
function joined(parts: readonly OrtTensor[]): OrtTensor {
  const rows = parts.reduce((sum, t) => sum + t.dims[1]!, 0)
  const V = parts[0]!.dims[2]!
  const Data = parts[0]!.data.constructor as Float32ArrayConstructor
  const all = new Data(rows * V)
  let at = 0
  for (const { data } of parts) {
    all.set(data as Float32Array, at)
    at += data.length
  }
  return tensorLike(parts[0]!, all, [1, rows, V])
}
