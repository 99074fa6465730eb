import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isExternal } from '../../src/graph/graph.js'
import { readOnnx } from '../../src/onnx/read.js'

/** One sequence and its labels, as both sides take them. */
export interface Item {
  inputIds: number[]
  labels: number[]
}

export type Torch = Awaited<ReturnType<typeof startTorch>>

/** PyTorch and PEFT in a process of their own; see torch_side.py. */
export async function startTorch(scratch: string) {
  const child = spawn(process.env.PEFT_PYTHON!, ['test/peft/torch_side.py', scratch], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async (command: { do: string; [argument: string]: unknown }): Promise<Record<string, unknown>> => {
    child.stdin.write(`${JSON.stringify(command)}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error(`the PyTorch side ended while it was to ${command.do} (see above)`)
    return JSON.parse(value as string)
  }
  return {
    /** From now on the base model is the tiny decoder that scripts/fixtures makes from a seed. */
    seeded: (architecture: string) => ask({ do: 'seeded', architecture }),
    /** From now on the base model is one with the weights of an exported one, named as the GenAI builder does. */
    exported: (folder: string) => ask({ do: 'exported', config: folder, constants: constantsOf(folder, scratch) }),
    /** Logits [T, V]; `exact`: of a Llama decoder, computed in float64. */
    async logits(ids: readonly number[], adapter?: string, exact = false): Promise<Float32Array> {
      const { file } = await ask({ do: 'logits', ids, adapter, exact })
      return new Float32Array(new Uint8Array(readFileSync(file as string)).buffer)
    },
    make: (folder: string, config: object, more: { seed: number; untrained?: boolean; dtype?: string }) =>
      ask({ do: 'make', folder, config, ...more }),
    train: async (adapter: string, batches: Item[][], options: { lr: number; weight_decay: number; clip: number }) =>
      (await ask({ do: 'train', adapter, batches, ...options })).losses as number[],
    decisions: (cases: object) =>
      ask({ do: 'decisions', ...cases }) as Promise<{ patterns: (string | null)[]; targets: boolean[] }>,
    end: () => child.stdin.end(),
  }
}

/** Where the float32 constants of an exported model lie on the disk; those inside the graph are written out. */
function constantsOf(folder: string, scratch: string) {
  const onnx = join(folder, 'onnx')
  const inside = join(scratch, 'constants')
  mkdirSync(inside, { recursive: true })
  const graph = readOnnx(readFileSync(join(onnx, 'model.onnx')), 'model.onnx')
  return [...graph.consts]
    .filter(([name, { type }]) => type.dtype === 'float32' && /\.(weight|bias)$/.test(name))
    .map(([name, { type, data }]) => {
      if (isExternal(data)) return { name, dims: type.dims, file: join(onnx, data.file), offset: data.offset }
      const file = join(inside, name)
      writeFileSync(file, data)
      return { name, dims: type.dims, file, offset: 0 }
    })
}
