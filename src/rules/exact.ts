import type { Graph, Node } from '../graph/graph.js'

function exact(node: Node): Node {
  if (node.op !== 'com.microsoft.MatMulNBits') return node
  const { accuracy_level: _, ...attrs } = node.attrs
  return { ...node, attrs }
}

/**
 * Four-bit products as exact as their weights: without the export's leave to round what they read to eight bits
 * (accuracy_level 4), which moves logits by 0.1 and would have an adapter answer by another function than it learns.
 */
export const exactProducts = (graph: Graph): Graph => ({ ...graph, nodes: graph.nodes.map(exact) })
