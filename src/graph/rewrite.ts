import { check, type Sizes } from './check.js'
import { Emit } from './emit.js'
import { consumers, emptyGraph, type Graph, type Node, producers, type Value } from './graph.js'

/** What a rule may look at beyond the node itself: the graph as it was before the pass. */
export interface Before {
  graph: Graph
  producer: Map<Value, Node>
  consumers: Map<Value, Node[]>
}

/** Either emits what replaces `node` and returns true, or leaves everything alone and returns false. */
export interface Rule {
  name: string
  apply(node: Node, e: Emit, before: Before): boolean
}

/**
 * Offers each node to the rules in order, once; the first that takes it replaces it. What a rule emits is never
 * offered again in the same pass, so a pass ends.
 *
 * @param sizes whose the graph's symbols are (see {@link check})
 * @returns a new graph, and how often each rule fired, by name
 * @throws GraphError if the result is not well formed
 */
export function rewrite(
  graph: Graph,
  rules: readonly Rule[],
  pass: string,
  sizes: Sizes = 'own',
): { graph: Graph; hits: Record<string, number> } {
  const out: Graph = {
    ...emptyGraph(graph.opset),
    inputs: [...graph.inputs],
    outputs: [...graph.outputs],
    types: new Map(graph.types),
    consts: new Map(graph.consts),
  }
  const e = new Emit(out, graph)
  const before = { graph, producer: producers(graph), consumers: consumers(graph) }
  const hits: Record<string, number> = Object.fromEntries(rules.map(r => [r.name, 0]))
  for (const node of graph.nodes) {
    const rule = rules.find(r => r.apply(node, e, before))
    if (rule) hits[rule.name]!++
    else if (sizes === 'own') e.keep(node)
    else out.nodes.push(node)
  }
  return { graph: check(out, pass, sizes), hits }
}
