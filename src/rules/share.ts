import { copyGraph, type Graph, type Value } from '../graph/graph.js'

/** Nodes that compute the same from the same become one (common subexpressions). No op of this compiler is random. */
export function share(graph: Graph): Graph {
  const out = { ...copyGraph(graph), nodes: [] as Graph['nodes'] }
  const ends = new Set(graph.outputs)
  const same = new Map<Value, Value>()
  const made = new Map<string, Value[]>()
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(v => same.get(v) ?? v)
    const key = `${node.op} ${inputs} ${JSON.stringify(node.attrs)}`
    const twin = made.get(key)
    if (twin && twin.length === node.outputs.length && !node.outputs.some(v => ends.has(v))) {
      for (const [i, v] of node.outputs.entries()) same.set(v, twin[i]!)
      continue
    }
    made.set(key, node.outputs)
    out.nodes.push({ ...node, inputs })
  }
  return out
}
