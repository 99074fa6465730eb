import { consumers, type Graph, type Node, producers, type Value } from '../graph/graph.js'

const LINEAR = ['MatMul', 'MatMulInteger', 'com.microsoft.FusedMatMul', 'com.microsoft.MatMulNBits']
/** What may stand between the LM head and the logits: ops that treat every row alike (soft-capping, casts, scales). */
const ROWWISE = ['Mul', 'Div', 'Tanh', 'Cast', 'Add']

/** The LM head of a decoder. */
export interface Head {
  /** The linear node, whose first input is x [.., D]. */
  node: Node
  /** What stands between it and the logits, in order. */
  after: Node[]
  /** The input of such a node that comes from the head; the others are the same for every row. */
  from(n: Node): Value
}

/**
 * Finds the linear node that gives a decoder's logits.
 *
 * @returns undefined if they come from something else, or are read again
 */
export function headOf(graph: Graph): Head | undefined {
  const writers = producers(graph)
  const frozen = (v: Value): boolean => {
    const writer = writers.get(v)
    if (graph.consts.has(v) || (writer?.op === 'DynamicQuantizeLinear' && v !== writer.outputs[0])) return true
    return writer?.op === 'Mul' && writer.inputs.every(frozen)
  }
  const varying = (n: Node) => n.inputs.filter(v => !frozen(v))
  const after: Node[] = []
  let node = writers.get('logits')
  while (node && ROWWISE.includes(node.op) && varying(node).length === 1) {
    after.unshift(node)
    node = writers.get(varying(node)[0]!)
  }
  if (!node || !LINEAR.includes(node.op) || consumers(graph).has('logits')) return undefined
  return { node, after, from: n => varying(n)[0]! }
}
