import type { Emit } from '../../graph/emit.js'
import type { Dim, Node, Type, Value } from '../../graph/graph.js'
import { attr, ONNX_DTYPE } from '../../graph/ops.js'
import type { Known } from './known.js'

interface Context {
  node: Node
  /** Type of the output. */
  t: Type
  ks: (Known | undefined)[]
  e: Emit
  producer: ReadonlyMap<Value, Node>
}

/** The number that all elements of a known value are. */
const all = (k: Known | undefined): Dim | undefined => (k?.items.length === 1 ? k.items[0] : undefined)

/** y = a ∘ n, with n the neutral element of ∘ on that side, is a. */
const neutral =
  (n: number, sides: readonly number[] = [0, 1]) =>
  ({ node, ks }: Context): Value | undefined => {
    const side = sides.find(i => all(ks[i]) === n)
    return side === undefined ? undefined : node.inputs[1 - side]
  }

const first = ({ node }: Context): Value => node.inputs[0]!
/** The input itself, if the output has its sizes. */
const ifSame = ({ node, t, e }: Context): Value | undefined =>
  String(e.dims(node.inputs[0]!)) === String(t.dims) ? node.inputs[0] : undefined

/**
 * Nodes that hand on one of their inputs, perhaps repeated along axes. What only keeps an inference alive goes too:
 * rows of a softmax that sees at least its own token are never NaN.
 */
export const SAME: Readonly<Record<string, (c: Context) => Value | undefined>> = {
  Identity: first,
  Dropout: first,
  Add: neutral(0),
  Sub: neutral(0, [1]),
  Mul: neutral(1),
  Div: neutral(1, [1]),
  Pow: neutral(1, [1]),
  And: neutral(1),
  Or: neutral(0),
  Cast: ({ node, t, e }) => (e.type(node.inputs[0]!).dtype === t.dtype ? node.inputs[0] : undefined),
  Where: ({ node, ks, producer }) => {
    const [c, a, b] = node.inputs as [Value, Value, Value]
    const chosen = all(ks[0])
    if (typeof chosen === 'number') return chosen !== 0 ? a : b
    const test = producer.get(c)
    return test?.op === 'IsNaN' && test.inputs[0] === b && producer.get(b)?.op === 'Softmax' ? b : undefined
  },
  Reshape: ifSame,
  Expand: ifSame,
  Slice: ifSame,
  Transpose: ({ node }) => ((node.attrs.perm as number[])?.every((p, i) => p === i) ? node.inputs[0] : undefined),
  Concat: ({ node, t, e }) => {
    const axis = attr(node.attrs, 'axis')
    const parts = node.inputs.filter(v => e.dims(v).at(axis) !== 0)
    return parts.length === 1 && e.dims(parts[0]!).at(axis) === t.dims.at(axis) ? parts[0] : undefined
  },
}

/** Nodes as later versions of the operator set write them: axes are an input; half-precision casts become float32. */
export function modern(node: Node, e: Emit): Node {
  const { axes, ...attrs } = node.attrs
  if (node.op.startsWith('Reduce') && Array.isArray(axes))
    return { ...node, attrs, inputs: [node.inputs[0]!, e.ints(...axes)] }
  const half: unknown[] = [ONNX_DTYPE.float16, ONNX_DTYPE.bfloat16]
  if (node.op === 'Cast' && half.includes(node.attrs.to))
    return { ...node, attrs: { ...node.attrs, to: ONNX_DTYPE.float32 } }
  return node
}
