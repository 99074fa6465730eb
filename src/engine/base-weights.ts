import { dequantized } from '../grad/quantized.js'
import { Emit } from '../graph/emit.js'
import { consumers, emptyGraph, type Graph, GraphError, type Node, producers, type Value } from '../graph/graph.js'
import type { LoraSite } from '../rules/lora.js'
import { centred } from '../rules/lower/quantized.js'
import { prune } from '../rules/prune.js'
import type { Weights } from './platform.js'
import { createSession } from './session.js'

/** Base weights W₀ [out, in] of a module, or its rows from `first` on where the graph holds it in parts. */
export interface BaseWeight {
  module: string
  first: number
  dims: [number, number]
  data: Float32Array
}

/**
 * The weights of a decoder's linear layers as float32, whatever the file holds them in: one node after the other, each
 * read once, none kept.
 *
 * @param sites from `findSites` on this graph
 * @throws GraphError for four- or eight-bit weights that are no constant, or in another order
 */
export async function* baseWeights(
  exported: Graph,
  sites: readonly LoraSite[],
  weights: Weights,
): AsyncGenerator<BaseWeight> {
  const look = {
    nodes: new Map(exported.nodes.map(n => [n.name, n])),
    writers: producers(exported),
    readers: consumers(exported),
  }
  for (const site of sites) {
    const graph = weightGraph(exported, site, look)
    const session = await createSession(graph, `the weights of ${site.node}`, { weights, purpose: 'training' })
    const data = (await session.run({}))[graph.outputs[0]!]!.data as Float32Array
    await session.release()
    let row = 0
    for (const m of site.modules) {
      const part = data.subarray(row * m.in, (row + m.out) * m.in)
      yield { module: m.name, first: m.part?.first ?? 0, dims: [m.out, m.in], data: part }
      row += m.out
    }
  }
}

interface Look {
  nodes: Map<string, Node>
  writers: Map<Value, Node>
  readers: Map<Value, Node[]>
}

/** A graph without inputs that gives the matrix of a site's node [out, in]. */
function weightGraph(exported: Graph, site: LoraSite, look: Look): Graph {
  const { consts } = exported
  const types = new Map([...consts].map(([v, c]) => [v, c.type] as const))
  const e = new Emit({ ...emptyGraph(), consts: new Map(consts), types })
  const node = look.nodes.get(site.node)!
  const own = e.cast(matrix(e, node, look.writers), 'float32')
  const more = blockOffsets(node, site.input, look, consts)
  e.graph.outputs = [more ? e.add(own, e.t(e.matmul(...more))) : own]
  return prune(e.graph)
}

/** What a linear node multiplies with [out, in]: of the kinds that `findSites` finds. */
function matrix(e: Emit, node: Node, writers: Look['writers']): Value {
  if (node.op === 'MatMul') return e.t(node.inputs[1]!)
  if (node.op === 'com.microsoft.MatMulNBits') return dequantized(e, node)
  // Cast(MatMulInteger(x, W, x's zero, W's zero)) · (x's scale · W's scale)
  const product = writers.get(writers.get(node.inputs[0]!)!.inputs[0]!)
  const scale = writers.get(node.inputs[1]!)?.inputs.find(v => e.graph.consts.has(v))
  if (product?.op !== 'MatMulInteger' || !scale)
    throw new GraphError(`reading the weights of ${node.name}: not a product of integers with a constant scale`)
  return e.t(e.mul(centred(e, product.inputs[1]!, product.inputs[3] || undefined), scale))
}

/**
 * The constants C₁, C₂ of a second term x·C₁·C₂ beside a four-bit product x·W: offsets of its blocks, in the embedded
 * model (see `fourBitLinear`).
 */
function blockOffsets(
  node: Node,
  x: Value,
  { writers, readers }: Look,
  consts: Graph['consts'],
): [Value, Value] | undefined {
  for (const sum of readers.get(node.outputs[0]!)?.filter(n => n.op === 'Add') ?? []) {
    const shifted = writers.get(sum.inputs.find(v => v !== node.outputs[0])!)
    const sums = shifted?.op === 'MatMul' ? writers.get(shifted.inputs[0]!) : undefined
    const [first, second] = [sums?.inputs[1], shifted?.inputs[1]]
    if (sums?.op === 'MatMul' && sums.inputs[0] === x && consts.has(first!) && consts.has(second!))
      return [first!, second!]
  }
  return undefined
}
