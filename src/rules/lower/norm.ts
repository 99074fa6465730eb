import type { Emit } from '../../graph/emit.js'
import { GraphError, type Node, type Value } from '../../graph/graph.js'
import { attr } from '../../graph/ops.js'
import type { Lowering } from './shared.js'

/** y = x / √(mean(x²) + ε) ∘ w, over the last axis (RMSNorm, Zhang & Sennrich 2019). x [.., D], w [D]. */
export function rmsNorm(e: Emit, x: Value, w: Value, epsilon: number, out?: Value): Value {
  const meanSquare = e.mean(e.mul(x, x), [-1], 1)
  const inverse = e.op('Reciprocal', [e.op('Sqrt', [e.add(meanSquare, e.scalar(epsilon, x))])])
  return e.op('Mul', [e.mul(x, inverse), w], {}, out)
}

/** y = (x − mean x) / √(var x + ε) ∘ w + b, over the last axis (LayerNorm, Ba et al. 2016). */
function layerNorm(e: Emit, x: Value, w: Value, b: Value | undefined, epsilon: number, out: Value): Value {
  const centred = e.sub(x, e.mean(x, [-1], 1))
  if (!b) return rmsNorm(e, centred, w, epsilon, out)
  return e.op('Add', [rmsNorm(e, centred, w, epsilon), b], {}, out)
}

/** @throws GraphError for a normalization over more than the last axis */
function lastAxis(node: Node, e: Emit): void {
  if (e.axis(node, -1) !== e.dims(node.inputs[0]!).length - 1)
    throw new GraphError(`lowering ${node.name}: only the last axis can be normalized`)
}

export const normalization: Lowering = {
  name: 'SimplifiedLayerNormalization',
  apply(node, e) {
    if (node.op !== 'SimplifiedLayerNormalization' && node.op !== 'RMSNormalization') return false
    lastAxis(node, e)
    const [x, w] = node.inputs as [Value, Value]
    rmsNorm(e, x, w, attr(node.attrs, 'epsilon', 1e-5), node.outputs[0])
    return true
  },
}

export const layerNormalization: Lowering = {
  name: 'LayerNormalization',
  apply(node, e) {
    if (node.op !== 'LayerNormalization') return false
    lastAxis(node, e)
    const [x, w, b] = node.inputs as [Value, Value, Value?]
    layerNorm(e, x, w, b || undefined, attr(node.attrs, 'epsilon', 1e-5), node.outputs[0]!)
    return true
  },
}

/** (x, skip) → norm(x + skip + bias), and x + skip + bias itself as output 3. */
export const skipNormalization: Lowering = {
  name: 'SkipLayerNormalization',
  apply(node, e) {
    const simplified = node.op === 'com.microsoft.SkipSimplifiedLayerNormalization'
    if (!simplified && node.op !== 'com.microsoft.SkipLayerNormalization') return false
    const [x, skip, w] = node.inputs as [Value, Value, Value]
    const beta = (!simplified && node.inputs[3]) || undefined
    const bias = node.inputs[simplified ? 3 : 4]
    const first = bias ? e.add(x, bias) : x
    const sum = e.op('Add', [first, skip], {}, node.outputs[3] || undefined)
    const epsilon = attr(node.attrs, 'epsilon', 1e-12)
    if (simplified) rmsNorm(e, sum, w, epsilon, node.outputs[0]!)
    else layerNorm(e, sum, w, beta, epsilon, node.outputs[0]!)
    return true
  },
}
