import type { Graph } from '../graph/graph.js'

/** The graph without nodes, constants and inputs that no output depends on. */
export function prune(g: Graph): Graph {
  const needed = new Set(g.outputs)
  const nodes = []
  for (const node of g.nodes.toReversed()) {
    if (!node.outputs.some(v => needed.has(v))) continue
    for (const v of node.inputs) needed.add(v)
    nodes.push(node)
  }
  const kept = new Set([...needed, ...nodes.flatMap(n => n.outputs)])
  return {
    opset: g.opset,
    inputs: g.inputs.filter(v => needed.has(v)),
    outputs: g.outputs,
    nodes: nodes.reverse(),
    types: new Map([...g.types].filter(([v]) => kept.has(v))),
    consts: new Map([...g.consts].filter(([v]) => needed.has(v))),
  }
}
