import type { Emit } from '../../graph/emit.js'
import { type Graph, GraphError } from '../../graph/graph.js'
import { fill, type Known } from './known.js'
import type { Shared } from './shared.js'

/**
 * Inputs of an exported decoder beside the tokens, when whole right-padded sequences are read without a cache: nothing
 * is masked, token t has position t, there are no past keys and values, all logits are wanted.
 *
 * @returns what is known of them; of positions, the value that takes their place
 * @throws GraphError for positions of another form than [B, T]
 */
export function bind(exported: Graph, e: Emit, shared: Shared) {
  const known = new Map<string, Known>()
  const alias = new Map<string, string>()
  for (const v of exported.inputs) {
    const { dtype, dims = [] } = exported.types.get(v) ?? { dtype: 'float32' as const }
    if (v === 'attention_mask' && dims.length === 2) known.set(v, fill(dtype, ['B', 'T'], 1))
    if (v === 'num_logits_to_keep') known.set(v, fill(dtype, [], 0))
    if (v === 'position_ids') {
      if (dims.length !== 2)
        throw new GraphError(`lowering a decoder: position_ids [${dims}] must be one number a token [B, T]`)
      alias.set(v, e.op('Unsqueeze', [shared.positions(), e.ints(0)]))
    }
    // [B, K, P, W]; of P = 0 past tokens there is nothing to know.
    if (v.startsWith('past_key_values.') && dims.length === 4)
      known.set(v, fill('float32', ['B', dims[1]!, 0, dims[3]!], 0))
  }
  return { known, alias }
}
