import { Emit } from '../graph/emit.js'
import { emptyGraph } from '../graph/graph.js'
import type { DType } from '../tensor.js'
import { createSession, type Feeds, type OrtTensor, type Session } from './session.js'

/**
 * Sessions that do nothing but carry tensors between the host and the device: the one way that every build of the
 * runtime has (in Node, asking a tensor on the device for its data ends the process).
 */
const passages = new Map<string, Promise<Session>>()

/** @param to where the tensors are wanted */
async function carry(tensors: readonly OrtTensor[], to: 'device' | 'host'): Promise<OrtTensor[]> {
  const key = `${to} ${tensors.map(t => t.type + t.dims.length)}`
  const passage =
    passages.get(key) ??
    createSession(passageGraph(tensors), 'a passage', {
      weights: new Map(),
      purpose: 'training',
      device: 'webgpu',
      stay: () => to === 'device',
    })
  passages.set(key, passage)
  const session = await passage
  const outputs = await session.run(Object.fromEntries(tensors.map((t, i) => [`x${i}`, t])))
  return tensors.map((_, i) => outputs[`y${i}`]!)
}

function passageGraph(tensors: readonly OrtTensor[]) {
  const e = new Emit(emptyGraph())
  for (const [i, t] of tensors.entries()) {
    e.input(
      `x${i}`,
      t.dims.map((_, axis) => `x${i}.${axis}`),
      t.type as DType,
    )
    e.graph.outputs.push(e.op('Identity', [`x${i}`], {}, `y${i}`))
  }
  return e.graph
}

/** The values of a float32 tensor, wherever it lies. */
export async function hostData(tensor: OrtTensor): Promise<Float32Array> {
  const [here] = tensor.location === 'gpu-buffer' ? await carry([tensor], 'host') : [tensor]
  return here!.data as Float32Array
}

/** Frees what lies in the device's memory; tensors on the host are left alone. */
export function free(tensors: Iterable<OrtTensor>): void {
  for (const tensor of tensors) if (tensor.location === 'gpu-buffer') tensor.dispose()
}

/**
 * A session some of whose inputs are kept on the device for as long as the same tensors are given for them: an adapter
 * is uploaded when it is swapped in, not at every token.
 */
export function keepingInputs(session: Session, kept: (input: string) => boolean): Session {
  const names = session.inputNames.filter(kept)
  let given: OrtTensor[] = []
  let there: OrtTensor[] = []
  const run = session.run.bind(session) as (feeds: Feeds, ...rest: unknown[]) => Promise<Feeds>
  const release = session.release.bind(session)
  const runKeeping = async (feeds: Feeds, ...rest: unknown[]) => {
    const wanted = names.map(name => feeds[name]!)
    if (wanted.length !== given.length || wanted.some((t, i) => t !== given[i])) {
      free(there)
      there = await carry(wanted, 'device')
      given = wanted
    }
    return run({ ...feeds, ...Object.fromEntries(names.map((name, i) => [name, there[i]!])) }, ...rest)
  }
  return Object.assign(session, {
    run: runKeeping,
    release: () => {
      free(there)
      return release()
    },
  })
}
