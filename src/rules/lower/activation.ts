import type { Emit } from '../../graph/emit.js'
import type { Node, Value } from '../../graph/graph.js'
import { attr } from '../../graph/ops.js'
import type { Lowering } from './shared.js'

/** x/2 ∘ (1 + erf(x/√2)) (Hendrycks & Gimpel 2016). */
function gelu(e: Emit, x: Value, out: Value): void {
  const bell = e.op('Erf', [e.scale(x, Math.SQRT1_2)])
  e.op('Mul', [e.scale(x, 0.5), e.add(bell, e.scalar(1, x))], {}, out)
}

/** x/2 ∘ (1 + tanh(√(2/π)(x + 0.044715x³))), the same approximated. */
function geluByTanh(e: Emit, x: Value, out: Value): void {
  const cubic = e.add(e.scale(e.mul(e.mul(x, x), x), 0.044715), x)
  const curve = e.op('Tanh', [e.scale(cubic, Math.sqrt(2 / Math.PI))])
  e.op('Mul', [e.scale(x, 0.5), e.add(curve, e.scalar(1, x))], {}, out)
}

const QUICK = 1.702

/** Gelu in its forms; where there is a second input, it is added first. */
const FORMS: Readonly<Record<string, (e: Emit, x: Value, y: Value, node: Node) => void>> = {
  Gelu: (e, x, y, { attrs }) => (attrs.approximate === 'tanh' ? geluByTanh : gelu)(e, x, y),
  'com.microsoft.Gelu': gelu,
  'com.microsoft.BiasGelu': gelu,
  'com.microsoft.FastGelu': geluByTanh,
  'com.microsoft.QuickGelu': (e, x, y, { attrs }) => {
    e.op('Mul', [x, e.op('Sigmoid', [e.scale(x, attr(attrs, 'alpha', QUICK))])], {}, y)
  },
}

export const activation: Lowering = {
  name: 'Gelu',
  apply(node, e) {
    const form = FORMS[node.op]
    if (!form) return false
    const [x, bias] = node.inputs as [Value, Value?]
    form(e, bias ? e.add(x, bias) : x, node.outputs[0]!, node)
    return true
  },
}
