import { Emit } from '../../src/graph/emit.js'
import { constOf, emptyGraph, type Graph, isExternal, numbers, type Type } from '../../src/graph/graph.js'
import { ONNX_DTYPE } from '../../src/graph/ops.js'

/**
 * A float32 graph of standard operators as the same graph in float64. Weights that lie in a file stay there and are
 * cast, which is exact: the function computed is that of the float32 weights, without the roundings on the way.
 */
export function toFloat64(graph: Graph): Graph {
  const wide = (t: Type): Type => (t.dtype === 'float32' ? { ...t, dtype: 'float64' } : t)
  const out: Graph = {
    ...emptyGraph(graph.opset),
    inputs: graph.inputs,
    outputs: graph.outputs,
    types: new Map([...graph.types].map(([v, t]) => [v, wide(t)])),
  }
  const e = new Emit(out, graph)
  for (const [v, c] of graph.consts) {
    if (c.type.dtype !== 'float32') out.consts.set(v, c)
    else if (!isExternal(c.data)) out.consts.set(v, constOf(numbers(c), c.type.dims, 'float64'))
    else e.op('Cast', [e.bytes('narrow', c)], { to: ONNX_DTYPE.float64 }, v)
  }
  for (const n of graph.nodes) {
    const narrows = n.op === 'Cast' && n.attrs.to === ONNX_DTYPE.float32
    out.nodes.push(narrows ? { ...n, attrs: { to: ONNX_DTYPE.float64 } } : n)
  }
  return out
}
