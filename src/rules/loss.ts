import { consumers, type Graph, GraphError, type Value } from '../graph/graph.js'
import { type Rule, rewrite } from '../graph/rewrite.js'

const LINEAR = ['MatMul', 'com.microsoft.FusedMatMul', 'com.microsoft.MatMulNBits']

/**
 * Appends the cross-entropy of chosen tokens, and evaluates the LM head only where it is needed.
 *
 *     hidden [B, T, D] → rows at `positions` [S] → logits [S, V]
 *     nll [S] = −log softmax(logits)[target]          [nats/token]
 *     loss [] = Σ nll ∘ weights
 *
 * Inputs added: `positions` [S] int64, indices into the B·T tokens of the token *before* each supervised one;
 * `targets` [S] int64, the supervised token; `weights` [S], 1/S for a mean.
 *
 * @throws GraphError if the logits do not come from a linear node
 */
export function addLoss(graph: Graph): { graph: Graph; loss: Value; nll: Value } {
  const readers = consumers(graph)
  let ends: { loss: Value; nll: Value } | undefined
  const head: Rule = {
    name: 'lm-head',
    apply(node, e) {
      if (node.outputs[0] !== 'logits' || !LINEAR.includes(node.op) || readers.has('logits')) return false
      const x = node.inputs[0]!
      const dtype = e.type(x).dtype
      const [positions, targets] = ['positions', 'targets'].map(name => e.input(name, ['S'], 'int64')) as [Value, Value]
      const weights = e.input('weights', ['S'], dtype)
      const rows = e.op('Gather', [e.reshape(x, -1, e.lastSize(x)), positions], { axis: 0 })
      const logits = e.op(node.op, [rows, ...node.inputs.slice(1)], node.attrs)
      const picked = e.op(
        'GatherElements',
        [e.op('LogSoftmax', [logits], { axis: -1 }), e.op('Unsqueeze', [targets, e.ints(1)])],
        { axis: 1 },
      )
      const nll = e.neg(e.reshape(picked, -1))
      ends = { nll, loss: e.sum(e.mul(nll, weights), [0], 0) }
      return true
    },
  }
  const { graph: out } = rewrite({ ...graph, outputs: [] }, [head], 'loss')
  if (!ends)
    throw new GraphError('adding the loss: the logits do not come straight from a linear node (MatMul or MatMulNBits)')
  return { graph: { ...out, outputs: [ends.loss, ends.nll] }, ...ends }
}
