import type { Dim } from './graph.js'

/*
 * Arithmetic on sizes that are known only as symbols. A size is a number or a sum of products as text, in one
 * canonical form: `T`, `2*T`, `B*T`, `P+T`, `T+-1`. Every symbol stands for a number ≥ 1.
 */

/** Sorted factors (`B*T`, empty for 1) → coefficient. */
type Terms = Map<string, number>

function terms(d: Dim): Terms {
  const out: Terms = new Map()
  if (typeof d === 'number') return d === 0 ? out : out.set('', d)
  for (const part of d.split('+')) {
    const factors = part.trim().split('*')
    const coefficient = factors.filter(f => /^-?\d+$/.test(f)).reduce((n, f) => n * Number(f), 1)
    const symbols = factors.filter(f => !/^-?\d+$/.test(f)).sort()
    put(out, symbols.join('*'), coefficient)
  }
  return out
}

function put(to: Terms, symbols: string, coefficient: number): void {
  const n = (to.get(symbols) ?? 0) + coefficient
  if (n === 0) to.delete(symbols)
  else to.set(symbols, n)
}

function size(t: Terms): Dim {
  if ([...t.keys()].every(s => s === '')) return t.get('') ?? 0
  return [...t]
    .sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1))
    .map(([symbols, n]) => (symbols === '' ? `${n}` : n === 1 ? symbols : `${n}*${symbols}`))
    .join('+')
}

export function plus(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b
  const out = terms(a)
  for (const [symbols, n] of terms(b)) put(out, symbols, n)
  return size(out)
}

export function times(a: Dim, b: Dim): Dim {
  // + 0 makes 0 of −0.
  if (typeof a === 'number' && typeof b === 'number') return a * b + 0
  const out: Terms = new Map()
  for (const [s, n] of terms(a))
    for (const [t, m] of terms(b))
      put(
        out,
        [...s.split('*'), ...t.split('*')]
          .filter(f => f !== '')
          .sort()
          .join('*'),
        n * m,
      )
  return size(out)
}

export const minus = (a: Dim, b: Dim): Dim => plus(a, times(b, -1))
export const product = (dims: readonly Dim[]): Dim => dims.reduce(times, 1)

/** a / b if that is a size again, whatever the symbols stand for; undefined if not, or if b is no single product. */
export function over(a: Dim, b: Dim): Dim | undefined {
  const divisor = [...terms(b)]
  if (divisor.length !== 1) return undefined
  const [under, m] = divisor[0]!
  const out: Terms = new Map()
  for (const [symbols, n] of terms(a)) {
    const rest = symbols.split('*').filter(f => f !== '')
    for (const f of under.split('*').filter(f => f !== '')) {
      const at = rest.indexOf(f)
      if (at < 0) return undefined
      rest.splice(at, 1)
    }
    if (n % m !== 0) return undefined
    put(out, rest.join('*'), n / m)
  }
  return size(out)
}

/** −1, 0 or 1 if the sign is the same whatever the symbols stand for; undefined if not. */
export function sign(d: Dim): number | undefined {
  const coefficients = [...terms(d).values()]
  if (coefficients.every(n => n > 0)) return coefficients.length === 0 ? 0 : 1
  return coefficients.every(n => n < 0) ? -1 : undefined
}

/** The products a size is the sum of: coefficient and symbols. */
export const monomials = (d: Dim): { coefficient: number; symbols: string[] }[] =>
  [...terms(d)].map(([s, coefficient]) => ({ coefficient, symbols: s.split('*').filter(f => f !== '') }))
