import { dependsOnValues, Emit } from './emit.js'
import { type Graph, GraphError, type Type } from './graph.js'
import { OPS } from './ops.js'

/**
 * Whose symbols the sizes of a graph are. `own`: made here, and they add up. `exported`: an exporter's notes, where two
 * names may stand for one size; only the run can tell.
 */
export type Sizes = 'own' | 'exported'

/**
 * Fails if the graph is not well formed: names unique, every value defined before it is used, and, for ops of the
 * table, the types recorded equal to those the shape rules give. Run after every pass, so that the pass that broke
 * a graph is the one named.
 *
 * @param after what was done last, for the message
 * @param sizes of an exported graph no types are compared
 * @throws GraphError
 */
export function check(g: Graph, after: string, sizes: Sizes = 'own'): Graph {
  const fail = (what: string): never => {
    throw new GraphError(`after ${after}: ${what}`)
  }
  const defined = new Set<string>()
  const define = (v: string, by: string) => {
    if (defined.has(v)) fail(`value ${v} is written twice (second time by ${by})`)
    defined.add(v)
  }
  for (const v of g.inputs) define(v, 'an input')
  for (const v of g.consts.keys()) define(v, 'a constant')

  const names = new Set<string>()
  const emit = new Emit(g)
  for (const node of g.nodes) {
    if (names.has(node.name)) fail(`two nodes are named ${node.name}`)
    names.add(node.name)
    for (const v of node.inputs)
      if (v !== '' && !defined.has(v)) fail(`${node.op} ${node.name} reads ${v}, which nothing before it writes`)
    for (const v of node.outputs) if (v !== '') define(v, node.name)
    const recorded = node.outputs.map(v => g.types.get(v))
    if (
      sizes === 'exported' ||
      !OPS[node.op] ||
      !node.inputs.every(v => v === '' || g.types.has(v)) ||
      dependsOnValues(node, g)
    )
      continue
    for (const [i, t] of emit.infer(node).entries())
      if (node.outputs[i] && recorded[i] && !equal(recorded[i], t))
        fail(`${node.op} ${node.name} gives ${show(t)}, but ${node.outputs[i]} is recorded as ${show(recorded[i])}`)
  }
  for (const v of g.outputs) if (!defined.has(v)) fail(`output ${v} is written by nothing`)
  return g
}

const equal = (a: Type, b: Type): boolean =>
  a.dtype === b.dtype && a.dims.length === b.dims.length && a.dims.every((d, i) => d === b.dims[i])

export const show = (t: Type): string => `${t.dtype} [${t.dims.join(', ')}]`
