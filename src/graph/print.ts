import { type Attr, type Graph, isExternal, numbers } from './graph.js'

/**
 * A graph as text, one node a line: `y [2, 4] = Add(base, mul_3)`. Small constants are written in place.
 * Tests compare it, people read it.
 */
export function print(g: Graph): string {
  const dims = (v: string) => `[${g.types.get(v)?.dims.join(', ') ?? '?'}]`
  const value = (v: string) => {
    const c = g.consts.get(v)
    if (v === '') return '-'
    if (!c || isExternal(c.data) || c.type.dims.length > 1 || c.data.length > 64) return v
    const xs = numbers(c).map(x => (Number.isInteger(x) ? x : Number(x.toPrecision(7))))
    return c.type.dims.length === 0 ? String(xs[0]) : `[${xs.join(', ')}]`
  }
  return g.nodes
    .map(n => {
      const outputs = n.outputs.map(v => (v === '' ? '-' : `${v} ${dims(v)}`)).join(', ')
      const attrs = Object.entries(n.attrs).map(([k, a]) => `${k}=${attribute(a)}`)
      return `${outputs} = ${n.op.replace('com.microsoft.', '')}(${[...n.inputs.map(value), ...attrs].join(', ')})`
    })
    .join('\n')
}

function attribute(a: Attr): string {
  if (Array.isArray(a)) return `[${a.join(', ')}]`
  if (typeof a === 'object' && 'float' in a) return String(Number(a.float.toPrecision(7)))
  if (typeof a === 'object' && 'floats' in a) return `[${a.floats.join(', ')}]`
  if (typeof a === 'object') return `${a.tensor.type.dtype}[${a.tensor.type.dims.join(', ')}]`
  return String(a)
}
