import { type Attr, type Const, type Dim, GraphError, isExternal, type Node, numbers } from '../../graph/graph.js'
import { axisOf, broadcast } from '../../graph/ops.js'
import { minus, over, plus, product, sign, times } from '../../graph/size.js'
import { type DType, sizeOf } from '../../tensor.js'

/**
 * What is known about a value before anything runs: its elements, as numbers or (of integers) as sizes by symbol.
 * A single item stands for all elements, however many there are.
 */
export interface Known {
  dtype: DType
  dims: Dim[]
  items: Dim[]
}

/** Values of more elements than this are left to the run, if their elements differ. */
const FEW = 64

export const fill = (dtype: DType, dims: Dim[], item: Dim): Known => ({ dtype, dims, items: [item] })
export const sizes = (items: Dim[]): Known => ({ dtype: 'int64', dims: [items.length], items })

const at = (k: Known, i: number): Dim => (k.items.length === 1 ? k.items[0]! : k.items[i]!)

/** All elements, or undefined if there are too many or their number is not known. */
export function elements(k: Known): Dim[] | undefined {
  const n = product(k.dims)
  return typeof n === 'number' && n <= FEW ? Array.from({ length: n }, (_, i) => at(k, i)) : undefined
}

/** The numbers of a known value. @throws GraphError if it is not known, or depends on the sizes of a run */
export function integers(k: Known | undefined, what: string): number[] {
  const found = k && elements(k)
  if (!found?.every(x => typeof x === 'number')) throw new GraphError(`${what} must be known before the run`)
  return found
}

export function knownConst(c: Const): Known | undefined {
  const { dtype, dims } = c.type
  // Of floats only single numbers matter for sizes; weights are none of this file's business.
  const most = isInteger(dtype) ? FEW : 1
  if (isExternal(c.data) || sizeOf(dims) > most || dtype === 'uint4' || dtype === 'int4') return undefined
  const items = numbers(c)
  return { dtype, dims, items: items.length > 0 && items.every(x => x === items[0]) ? [items[0]!] : items }
}

const isInteger = (dtype: DType): boolean => !dtype.startsWith('float') && dtype !== 'bfloat16'
const rounded = (x: Dim | undefined, dtype: DType): Dim | undefined =>
  typeof x === 'number' && dtype === 'float32' ? Math.fround(x) : x

/** Element by element, with broadcasting. `f` gives undefined where only the run can tell. */
function zip(ks: readonly Known[], dtype: DType, f: (...xs: Dim[]) => Dim | undefined): Known | undefined {
  const dims = ks.map(k => k.dims).reduce(broadcast)
  const apply = (xs: Dim[]) => rounded(f(...xs), dtype)
  if (ks.every(k => k.items.length === 1)) {
    const item = apply(ks.map(k => k.items[0]!))
    return item === undefined ? undefined : fill(dtype, dims, item)
  }
  const total = product(dims)
  if (typeof total !== 'number' || total > FEW) return undefined
  const items = Array.from({ length: total }, (_, i) =>
    apply(ks.map(k => at(k, indexIn(i, dims as number[], k.dims as number[])))),
  )
  return items.every(x => x !== undefined) ? { dtype, dims, items } : undefined
}

/** Where element `i` of a value [dims] lies in a smaller value that is broadcast to it. */
function indexIn(i: number, dims: readonly number[], smaller: readonly number[]): number {
  let [rest, index, stride] = [i, 0, 1]
  for (let axis = dims.length - 1, own = smaller.length - 1; own >= 0; axis--, own--) {
    const position = rest % dims[axis]!
    rest = Math.floor(rest / dims[axis]!)
    if (smaller[own] !== 1) index += position * stride
    stride *= smaller[own]!
  }
  return index
}

const numeric =
  (f: (...xs: number[]) => number) =>
  (...xs: Dim[]): Dim | undefined =>
    xs.every(x => typeof x === 'number') ? f(...xs) : undefined
/** Compares by the sign of a − b, where that is certain. */
const compared =
  (f: (sign: number) => boolean) =>
  (a: Dim, b: Dim): Dim | undefined => {
    const s = sign(minus(a, b))
    return s === undefined ? undefined : Number(f(s))
  }
const either = (pick: number) => (a: Dim, b: Dim) => {
  const s = sign(minus(a, b))
  return s === undefined ? undefined : s * pick >= 0 ? a : b
}

const ARITHMETIC: Readonly<Record<string, (...xs: Dim[]) => Dim | undefined>> = {
  Add: (a, b) => plus(a!, b!),
  Sub: (a, b) => minus(a!, b!),
  Mul: (a, b) => times(a!, b!),
  Neg: a => times(a!, -1),
  Max: (a, b) => either(1)(a!, b!),
  Min: (a, b) => either(-1)(a!, b!),
  Pow: numeric((a, b) => a ** b),
  Mod: numeric((a, b) => ((a % b) + b) % b),
  Abs: numeric(Math.abs),
  Sqrt: numeric(Math.sqrt),
  Reciprocal: numeric(x => 1 / x),
  Floor: numeric(Math.floor),
  Ceil: numeric(Math.ceil),
}
const COMPARISONS: Readonly<Record<string, (...xs: Dim[]) => Dim | undefined>> = {
  Equal: (a, b) => (a === b ? 1 : compared(s => s === 0)(a!, b!)),
  Less: (a, b) => compared(s => s < 0)(a!, b!),
  LessOrEqual: (a, b) => compared(s => s <= 0)(a!, b!),
  Greater: (a, b) => compared(s => s > 0)(a!, b!),
  GreaterOrEqual: (a, b) => compared(s => s >= 0)(a!, b!),
  And: numeric((a, b) => Number(a !== 0 && b !== 0)),
  Or: numeric((a, b) => Number(a !== 0 || b !== 0)),
  Xor: numeric((a, b) => Number((a !== 0) !== (b !== 0))),
  Not: numeric(a => Number(a === 0)),
}

/** A value in another shape, elements in the same order. */
const reshaped = (k: Known, dims: Dim[]): Known => ({ ...k, dims })

interface Folded {
  node: Node
  /** Of all inputs that are present. */
  ks: Known[]
  /** Types of the outputs, as far as the table of ops can tell. */
  dims: Dim[]
  dtype: DType
}

/** Ops that are worked out here when all their inputs are known: arithmetic on sizes. */
const FOLDS: Readonly<Record<string, (f: Folded) => Known | undefined>> = {
  Div: ({ ks: [a, b] }) => {
    const whole = isInteger(a!.dtype)
    return zip([a!, b!], a!.dtype, (x, y) => {
      if (typeof x === 'number' && typeof y === 'number') return whole ? Math.trunc(x / y) : x / y
      return over(x!, y!)
    })
  },
  Cast: ({ ks: [k], dtype }) =>
    zip([k!], dtype, x => {
      if (dtype === 'bool') return typeof x === 'number' ? Number(x !== 0) : sign(x!) === undefined ? undefined : 1
      return typeof x === 'number' && isInteger(dtype) ? Math.trunc(x) : x
    }),
  Where: ({ ks, dtype }) => zip(ks, dtype, (c, a, b) => (typeof c === 'number' ? (c !== 0 ? a : b) : undefined)),
  Identity: ({ ks: [k] }) => k,
  Unsqueeze: ({ ks: [k], dims }) => reshaped(k!, dims),
  Squeeze: ({ ks: [k], dims }) => reshaped(k!, dims),
  Flatten: ({ ks: [k], dims }) => reshaped(k!, dims),
  Reshape: ({ ks: [k], dims }) => reshaped(k!, dims),
  Expand: ({ ks: [k], dims, dtype }) => zip([k!, fill(dtype, dims, 0)], dtype, x => x),
  ConstantOfShape: ({ dims, dtype, node }) => fill(dtype, dims, tensorValue(node.attrs.value)),
  Concat: ({ ks, dims, dtype }) => {
    if (dims.length !== 1) return undefined
    const parts = ks.map(elements)
    return parts.every(p => p !== undefined) ? { dtype, dims, items: parts.flat() } : undefined
  },
  // From a list, or of equal elements.
  Gather: ({ ks: [data, index], dims, dtype }) => {
    if (data!.items.length === 1) return fill(dtype, dims, data!.items[0]!)
    const [from, which] = [elements(data!), elements(index!)]
    if (!from || data!.dims.length !== 1 || !which?.every(i => typeof i === 'number')) return undefined
    return { dtype, dims, items: which.map(i => from[axisOf(i, from.length)]!) }
  },
  Slice: ({ ks: [data, ...bounds], dims, dtype }) => {
    if (data!.items.length === 1) return fill(dtype, dims, data!.items[0]!)
    const from = elements(data!)
    const [start, end, , step] = bounds.map(b => elements(b)?.[0])
    if (data!.dims.length !== 1 || !from || typeof start !== 'number' || typeof end !== 'number') return undefined
    return step === undefined || step === 1 ? { dtype, dims, items: from.slice(start, end) } : undefined
  },
  ReduceProd: ({ ks, dims, dtype }) => reduced(ks[0]!, dims, dtype, times),
  ReduceSum: ({ ks: [k], dims, dtype }) =>
    k!.items.length === 1
      ? fill(dtype, dims, times(k!.items[0]!, over(product(k!.dims), product(dims)) ?? 0))
      : reduced(k!, dims, dtype, plus),
  Range: ({ ks }) => {
    const [start, limit, delta] = ks.map(k => k.items[0]!)
    if (typeof start !== 'number' || typeof limit !== 'number' || typeof delta !== 'number') return undefined
    const n = Math.max(0, Math.ceil((limit - start) / delta))
    if (n > FEW) return undefined
    return { dtype: ks[0]!.dtype, dims: [n], items: Array.from({ length: n }, (_, i) => start + i * delta) }
  },
}

/** All elements of a list as one. */
function reduced(k: Known, dims: Dim[], dtype: DType, f: (a: Dim, b: Dim) => Dim): Known | undefined {
  const all = elements(k)
  return all && all.length > 0 && product(dims) === 1 ? fill(dtype, dims, all.reduce(f)) : undefined
}

const tensorValue = (a: Attr | undefined): number =>
  a !== undefined && typeof a === 'object' && 'tensor' in a ? numbers(a.tensor)[0]! : 0

/**
 * The output of a node whose inputs are all known, or undefined if only the run can tell.
 *
 * @param t type of the output
 */
export function fold(node: Node, ks: readonly Known[], t: { dtype: DType; dims: Dim[] }): Known | undefined {
  const arithmetic = ARITHMETIC[node.op]
  if (arithmetic && ks.length <= 2) return zip(ks, ks[0]!.dtype, arithmetic)
  const comparison = COMPARISONS[node.op]
  if (comparison) return zip(ks, 'bool', comparison)
  return FOLDS[node.op]?.({ node, ks: [...ks], ...t })
}
