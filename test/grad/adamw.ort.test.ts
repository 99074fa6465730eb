import { describe, expect, test } from 'vitest'
import { type AdamWOptions, adamw, adamwInputs } from '../../src/grad/adamw.js'
import { Emit } from '../../src/graph/emit.js'
import { emptyGraph } from '../../src/graph/graph.js'
import { type Feed, run, scalar, uniform } from '../helpers/ort.js'

interface State {
  theta: Float64Array
  m: Float64Array
  v: Float64Array
}

/** One step in the graph, in float64. */
async function emitted(s: State, g: Float64Array, o: AdamWOptions, t: number): Promise<State & { norm: number }> {
  const e = new Emit(emptyGraph())
  for (const name of ['theta', 'g']) e.input(name, [s.theta.length], 'float64')
  const next = adamw(e, 'theta', 'g')
  e.graph.outputs = [next.theta, next.m, next.v, next.gradientNorm]
  const vector = (data: Float64Array): Feed => ({ dims: [data.length], data })
  const scalars = Object.fromEntries(Object.entries(adamwInputs(o, t)).map(([name, x]) => [name, scalar(x)]))
  const feeds = { theta: vector(s.theta), g: vector(g), 'adam.m': vector(s.m), 'adam.v': vector(s.v), ...scalars }
  const out = await run(e.graph, feeds)
  const value = (name: string) => out[name]!.data
  return { theta: value(next.theta), m: value(next.m), v: value(next.v), norm: value(next.gradientNorm)[0]! }
}

/** torch.nn.utils.clip_grad_norm_, then torch.optim.AdamW for one tensor, statement by statement. */
function pytorch(s: State, grad: Float64Array, o: AdamWOptions, t: number): State & { norm: number } {
  const [beta1, beta2] = o.betas
  const norm = Math.sqrt(grad.reduce((sum, x) => sum + x * x, 0))
  const clip = o.clipNorm === null ? 1 : Math.min(1, o.clipNorm / (norm + 1e-6))
  const g = grad.map(x => x * clip)
  const decayed = s.theta.map(x => x * (1 - o.learningRate * o.weightDecay))
  const m = s.m.map((x, i) => x + (g[i]! - x) * (1 - beta1))
  const v = s.v.map((x, i) => x * beta2 + (1 - beta2) * g[i]! * g[i]!)
  const stepSize = o.learningRate / (1 - beta1 ** t)
  const denominator = v.map(x => Math.sqrt(x) / Math.sqrt(1 - beta2 ** t) + o.epsilon)
  return { theta: decayed.map((x, i) => x - (stepSize * m[i]!) / denominator[i]!), m, v, norm }
}

const zeros = (): State => ({ theta: uniform([6], 1).data, m: new Float64Array(6), v: new Float64Array(6) })
const options: AdamWOptions = { learningRate: 0.1, weightDecay: 0.3, betas: [0.8, 0.95], epsilon: 1e-3, clipNorm: 1 }
/** Both evaluate the same formulas in float64, in another order of additions: some units of 2⁻⁵³ a step. */
const ROUNDING = 1e-12

const largest = (a: Float64Array, b: Float64Array) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))

describe('the AdamW step is that of PyTorch', () => {
  test.each<[string, AdamWOptions]>([
    ['with clipping and weight decay', options],
    ['with no limit on the norm', { ...options, clipNorm: null }],
    [
      'with the defaults of finetune',
      { learningRate: 3e-4, weightDecay: 0, betas: [0.9, 0.999], epsilon: 1e-8, clipNorm: 1 },
    ],
  ])('%s, three steps', async (_, o) => {
    let [mine, theirs]: State[] = [zeros(), zeros()]
    for (const t of [1, 2, 3]) {
      // Norms about 7, 0.07 and 7: clipped, not clipped, clipped.
      const g = uniform([6], 10 + t, t === 2 ? [-0.05, 0.05] : [-5, 5]).data
      const a = await emitted(mine!, g, o, t)
      const b = pytorch(theirs!, g, o, t)
      for (const name of ['theta', 'm', 'v'] as const)
        expect(largest(a[name], b[name]), `${name} at step ${t}`).toBeLessThan(ROUNDING)
      expect(a.norm).toBeCloseTo(b.norm, 12)
      ;[mine, theirs] = [a, b]
    }
  })

  test('a gradient within the limit is left alone, bit for bit', async () => {
    const g = uniform([6], 5, [-0.01, 0.01]).data
    const [clipped, free] = await Promise.all(
      [1, null].map(clipNorm => emitted(zeros(), g, { ...options, clipNorm }, 1)),
    )
    expect(clipped).toEqual(free)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%d in the gradient is seen in the norm', async bad => {
    const g = uniform([6], 5).data
    g[3] = bad
    expect((await emitted(zeros(), g, options, 1)).norm).toBe(bad)
  })
})
