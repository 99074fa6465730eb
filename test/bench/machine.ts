import { LoRAHarness } from 'lora-harness'
import { createSession, float32 } from '../../dist/engine/session.js'
import { Emit } from '../../dist/graph/emit.js'
import { emptyGraph } from '../../dist/graph/graph.js'

/** Best time of a product [M, K] · [K, N] in ONNX Runtime [ms]. */
async function product(M: number, K: number, N: number): Promise<number> {
  const e = new Emit(emptyGraph())
  const [a, b] = [e.input('a', [M, K], 'float32'), e.input('b', [K, N], 'float32')]
  e.graph.outputs = [e.matmul(a, b)]
  const session = await createSession(e.graph, 'a matrix product', { weights: '.', purpose: 'inference' })
  const matrix = (m: number, n: number) => float32(new Float32Array(m * n).fill(0.5), [m, n])
  const feeds = { a: matrix(M, K), b: matrix(K, N) }
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < 20; i++) {
    const start = performance.now()
    await session.run(feeds)
    best = Math.min(best, performance.now() - start)
  }
  await session.release()
  return best
}

/** Best rate of a product of two matrices of 1024 × 1024 [GFLOP/s]: what any model can hope for. */
export const matmulPeak = async (): Promise<number> => (2 * 1024 ** 3) / ((await product(1024, 1024, 1024)) * 1e6)

/** Best rate of a product of one row with a matrix of 200 MB [GB/s]: how fast weights can be read for a token. */
export const memoryRate = async (): Promise<number> => (4 * 4096 * 12288) / ((await product(1, 4096, 12288)) * 1e6)

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
