import { Emit } from '../graph/emit.js'
import { copyGraph, type Graph, type Node, type Value } from '../graph/graph.js'

/** One cheap pass over what they read, which the backward pass needs anyway. */
const CHEAP = ['Mul', 'com.microsoft.QuickGelu', 'SimplifiedLayerNormalization']

/**
 * Values of the forward pass that are quickly worked out again are, right where the backward pass needs them, so that
 * they need not be kept in memory until then (rematerialisation, Chen et al. 2016): of a decoder's feed-forward layers
 * and norms. What the others read has to be kept in any case.
 *
 * @param end a value with which the forward pass ends: nodes behind the one that writes it are the backward pass
 */
export function recompute(graph: Graph, end: Value): Graph {
  const boundary = graph.nodes.findIndex(n => n.outputs.includes(end))
  const [forward, back] = [graph.nodes.slice(0, boundary + 1), graph.nodes.slice(boundary + 1)]
  const writer = new Map(forward.flatMap(n => n.outputs.map(v => [v, n] as const)))
  const kept = new Set(back.flatMap(n => n.inputs))
  const e = new Emit({ ...copyGraph(graph), nodes: forward }, graph)
  const again = new Map<Value, Value>()

  const cheap = (node: Node | undefined): node is Node =>
    node !== undefined &&
    CHEAP.includes(node.op) &&
    node.inputs.every(v => !writer.has(v) || kept.has(v)) &&
    typeof e.dims(node.outputs[0]!).at(-1) === 'number' &&
    e.dims(node.outputs[0]!).some(d => typeof d === 'string')
  const at = (v: Value): Value => {
    const node = writer.get(v)
    if (!cheap(node)) return v
    const made = again.get(v) ?? e.typed(node.op, node.inputs.map(at), node.attrs, e.type(v))
    again.set(v, made)
    return made
  }
  for (const node of back) e.graph.nodes.push({ ...node, inputs: node.inputs.map(at) })
  return e.graph
}
