import type { Emit } from '../../graph/emit.js'
import { GraphError, type Value } from '../../graph/graph.js'
import { attr } from '../../graph/ops.js'
import type { Lowering } from './shared.js'

/** y = x / √(mean(x²) + ε) ∘ w, over the last axis (RMSNorm, Zhang & Sennrich 2019). x [.., D], w [D]. */
function rmsNorm(e: Emit, x: Value, w: Value, epsilon: number, out: Value): void {
  const meanSquare = e.mean(e.mul(x, x), [-1], 1)
  const inverse = e.op('Reciprocal', [e.op('Sqrt', [e.add(meanSquare, e.scalar(epsilon, x))])])
  e.op('Mul', [e.mul(x, inverse), w], {}, out)
}

export const normalization: Lowering = {
  name: 'SimplifiedLayerNormalization',
  apply(node, e) {
    if (node.op !== 'SimplifiedLayerNormalization') return false
    const [x, w] = node.inputs as [Value, Value]
    if (e.axis(node, -1) !== e.dims(x).length - 1)
      throw new GraphError(`lowering ${node.name}: only the last axis can be normalized`)
    rmsNorm(e, x, w, attr(node.attrs, 'epsilon', 1e-5), node.outputs[0]!)
    return true
  },
}

/** (x, skip) → norm(x + skip), and x + skip itself as output 3. */
export const skipNormalization: Lowering = {
  name: 'SkipSimplifiedLayerNormalization',
  apply(node, e) {
    if (node.op !== 'com.microsoft.SkipSimplifiedLayerNormalization') return false
    const [x, skip, w, bias] = node.inputs as [Value, Value, Value, Value?]
    if (bias) throw new GraphError(`lowering ${node.name}: a bias is not supported`)
    const sum = e.op('Add', [x, skip], {}, node.outputs[3] || undefined)
    rmsNorm(e, sum, w, attr(node.attrs, 'epsilon', 1e-5), node.outputs[0]!)
    return true
  },
}
