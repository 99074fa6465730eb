import { LoRAHarness } from 'lora-harness'
import { createSession, float32 } from '../../dist/engine/session.js'
import { Emit } from '../../dist/graph/emit.js'
import { emptyGraph } from '../../dist/graph/graph.js'

/** Best rate of a product of two matrices of 1024 × 1024 in ONNX Runtime [GFLOP/s]: what any model can hope for. */
export async function matmulPeak(): Promise<number> {
  const n = 1024
  const e = new Emit(emptyGraph())
  const [a, b] = ['a', 'b'].map(name => e.input(name, [n, n], 'float32')) as [string, string]
  e.graph.outputs = [e.matmul(a, b)]
  const session = await createSession(e.graph, 'a matrix product', { weights: '.', purpose: 'inference' })
  const m = () => float32(new Float32Array(n * n).fill(0.5), [n, n])
  const feeds = { a: m(), b: m() }
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < 20; i++) {
    const start = performance.now()
    await session.run(feeds)
    best = Math.min(best, performance.now() - start)
  }
  await session.release()
  return (2 * n ** 3) / (best * 1e6)
}

/** Best rate of a product of one row with a matrix of 200 MB [GB/s]: how fast weights can be read for a token. */
export async function memoryRate(): Promise<number> {
  const [K, N] = [4096, 12288]
  const e = new Emit(emptyGraph())
  const [a, b] = [e.input('a', [1, K], 'float32'), e.input('b', [K, N], 'float32')]
  e.graph.outputs = [e.matmul(a, b)]
  const session = await createSession(e.graph, 'a product with a row', { weights: '.', purpose: 'inference' })
  const feeds = {
    a: float32(new Float32Array(K).fill(0.5), [1, K]),
    b: float32(new Float32Array(K * N).fill(0.5), [K, N]),
  }
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < 20; i++) {
    const start = performance.now()
    await session.run(feeds)
    best = Math.min(best, performance.now() - start)
  }
  await session.release()
  return (4 * K * N) / (best * 1e6)
}

/** What the loop costs by itself, with callables that do nothing [µs an example]. */
export async function overhead(): Promise<number> {
  const count = 2000
  const messages = [{ role: 'user', content: 'question' }]
  const example = (i: number) => ({
    datasetName: 'noop',
    testIdx: i,
    messages,
    lang: 'en',
    info: {},
    metadata: {},
    chatId: `chat ${i % 8}`,
    evaluate: () => ({ f1: 1 }),
  })
  const harness = new LoRAHarness({
    exampleSource: Array.from({ length: count }, (_, i) => example(i)),
    retrieveLoraFn: (e, { store }) => store.getLast(e.chatId),
    inferenceFn: () => 'answer',
    finetuneFn: () => null,
  })
  const start = performance.now()
  for await (const _ of harness.run());
  return ((performance.now() - start) / count) * 1000
}
