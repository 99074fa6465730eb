import { type Graph, GraphError, type Node, type Value } from '../graph/graph.js'
import { type Rule, rewrite } from '../graph/rewrite.js'
import { headOf } from './head.js'

export interface Loss {
  graph: Graph
  /** [] mean over the supervised tokens, by their weights */
  loss: Value
  /** [S] of each supervised token [nats/token] */
  nll: Value
  /** [S, V], and the gradient of the loss by them. */
  logits: Value
  dlogits: Value
}

/**
 * Appends the cross-entropy of chosen tokens, and evaluates the LM head only where it is needed.
 *
 *     hidden [B, T, D] → rows at `positions` [S] → logits [S, V]
 *     nll [S] = −log softmax(logits)[target]          [nats/token]
 *     loss [] = Σ nll ∘ weights                       d loss / d logits = (softmax(logits) − onehot(target)) ∘ weights
 *
 * The gradient is written down here and not derived op by op: logits are the largest values of a step, and this takes
 * half the passes over them.
 *
 * Inputs added: `positions` [S] int64, indices into the B·T tokens of the token *before* each supervised one;
 * `targets` [S] int64, the supervised token; `weights` [S], 1/S for a mean.
 *
 * @throws GraphError if the logits do not come from a linear node
 */
export function addLoss(graph: Graph): Loss {
  const found = headOf(graph)
  if (!found) {
    const last = graph.nodes.find(n => n.outputs.includes('logits'))
    throw new GraphError(`adding the loss: the logits do not come straight from a linear node, but from ${last?.op}`)
  }
  const { node: headNode, after: path, from } = found
  let ends: Omit<Loss, 'graph'> | undefined
  const head: Rule = {
    name: 'lm-head',
    apply(node, e) {
      if (path.includes(node) && path.at(-1) !== node) return true
      if (node !== (path.at(-1) ?? headNode)) return node === headNode
      const x = headNode.inputs[0]!
      const dtype = e.type(x).dtype
      const [positions, targets] = ['positions', 'targets'].map(name => e.input(name, ['S'], 'int64')) as [Value, Value]
      const weights = e.input('weights', ['S'], dtype)
      const rows = e.op('Gather', [e.reshape(x, -1, e.lastSize(x)), positions], { axis: 0 })
      const again = (v: Value, n: Node) =>
        e.op(
          n.op,
          n.inputs.map(i => (i === from(n) ? v : i)),
          n.attrs,
        )
      const logits = path.reduce(again, e.op(headNode.op, [rows, ...headNode.inputs.slice(1)], headNode.attrs))
      const target = e.op('Unsqueeze', [targets, e.ints(1)])
      const logp = e.op('LogSoftmax', [logits], { axis: -1 })
      const nll = e.neg(e.op('GatherElements', [logp, target], { axis: 1 }))
      const weight = e.op('Unsqueeze', [weights, e.ints(1)])
      const spread = e.mul(e.op('Exp', [logp]), weight)
      const atTarget = e.sub(e.op('GatherElements', [spread, target], { axis: 1 }), weight)
      const dlogits = e.op('ScatterElements', [spread, target, atTarget], { axis: 1 })
      const flat = e.reshape(nll, -1)
      ends = { nll: flat, loss: e.sum(e.mul(flat, weights), [0], 0), logits, dlogits }
      return true
    },
  }
  const { graph: out } = rewrite({ ...graph, outputs: [] }, [head], 'loss')
  return { graph: { ...out, outputs: [ends!.loss, ends!.nll] }, ...ends! }
}
