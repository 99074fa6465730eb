import { z } from 'zod'

/** Comm on which a browser serves a model to a kernel: opened by the browser, with a `ComputeOffer`. */
export const COMPUTE_COMM = 'lora-harness.compute.v1'

/** Most bytes of one part: what passes between browser and kernel in one message. */
export const PART_BYTES = 2 ** 20

/** Those of LoRAModel's methods that a browser serves. */
export const COMPUTE_METHODS = ['generate', 'score', 'finetune'] as const
export type ComputeMethod = (typeof COMPUTE_METHODS)[number]

const call = z.int().nonnegative()
const name = z.string().min(1).max(1000)
const offset = z.int().nonnegative()
const words = z.string().max(10_000)

/** A file of a model: its path in the model's folder, as `onnx/model.onnx`. */
const ModelFile = z.object({
  ...{
    name,
    bytes: z
      .int()
      .nonnegative()
      .max(2 ** 36),
  },
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})
export type ModelFile = z.infer<typeof ModelFile>

const wordsOfBoth = [
  /** Asks for a part: things too large for one message are pulled by the side that needs them. */
  z.object({ type: z.literal('want'), name, offset, length: z.int().positive().max(PART_BYTES) }),
  /** The part that was asked for, in the message's one buffer. */
  z.object({ type: z.literal('part'), name, offset }),
  /** It is not there. */
  z.object({ type: z.literal('missing'), name, why: words }),
] as const

/**
 * What a kernel tells a browser that offered itself. Files of the model are pulled by their names, adapters as zip files
 * by `adapter:IDENTIFIER`.
 */
export const ComputeOrder = z.discriminatedUnion('type', [
  ...wordsOfBoth,
  /** No cell asks for a model yet, or another browser serves it; `why` says it to a person. */
  z.object({ type: z.literal('wait'), why: words }),
  /** Load this model. */
  z.object({ type: z.literal('serve'), id: name, files: z.array(ModelFile).max(100) }),
  /** One call of the model; `lora` names its adapter, with the size of its zip file. */
  z.object({
    ...{ type: z.literal('call'), call, method: z.enum(COMPUTE_METHODS), args: z.array(z.json()).max(3) },
    lora: z
      .object({
        identifier: name,
        bytes: z
          .int()
          .positive()
          .max(2 ** 31),
      })
      .nullable(),
  }),
  z.object({ type: z.literal('stop'), call }),
])
export type ComputeOrder = z.infer<typeof ComputeOrder>

/** Untrusted: who offers itself. */
export const ComputeOffer = z.object({ client: z.string().max(100), device: z.enum(['webgpu', 'wasm']) })
export type ComputeOffer = z.infer<typeof ComputeOffer>

/** Untrusted: what a browser says. */
export const ComputeWord = z.discriminatedUnion('type', [
  ...wordsOfBoth,
  /** The model is loaded. */
  z.object({ type: z.literal('ready'), device: z.enum(['webgpu', 'wasm']), reason: words, dtype: z.string().max(20) }),
  /** It cannot be loaded. */
  z.object({ type: z.literal('failed'), error: words }),
  /** Still at it: said now and then while a call takes long. */
  z.object({ type: z.literal('alive') }),
  z.object({ type: z.literal('token'), call, text: z.string().max(100_000) }),
  z.object({ type: z.literal('step'), call, progress: z.json() }),
  /** The call's result; an adapter that it made is pulled by its name. */
  z.object({
    ...{ type: z.literal('done'), call, result: z.json() },
    adapter: z
      .object({
        identifier: z.string().regex(/^[0-9a-f]{64}$/),
        bytes: z
          .int()
          .positive()
          .max(2 ** 31),
      })
      .optional(),
  }),
  z.object({ type: z.literal('error'), call, name: z.string().max(100), message: words }),
])
export type ComputeWord = z.infer<typeof ComputeWord>

/** Parts that are asked for before the first has come. */
const AHEAD = 4

/**
 * Pulls something large in parts, each asked for by `want`.
 *
 * @param bytes its size
 * @param want asks for a part and gives its bytes
 * @param onBytes told how many have come
 * @throws Error if a part has another length than was asked for; what `want` throws
 */
export async function pull(
  bytes: number,
  want: (offset: number, length: number) => Promise<Uint8Array>,
  onBytes: (bytes: number) => void = () => {},
): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(bytes)
  let [next, come] = [0, 0]
  const worker = async () => {
    while (next < bytes) {
      const offset = next
      const length = Math.min(PART_BYTES, bytes - offset)
      next += length
      const part = await want(offset, length)
      if (part.byteLength !== length)
        throw new Error(`a part of ${length} bytes was asked for, one of ${part.byteLength} came`)
      whole.set(part, offset)
      come += length
      onBytes(come)
    }
  }
  await Promise.all(Array.from({ length: AHEAD }, worker))
  return whole
}

/** Parts that were asked for and have not come. */
export class Wanted {
  readonly #waiting = new Map<string, { resolve: (part: Uint8Array) => void; reject: (error: Error) => void }>()

  /** @returns resolves with the part that `came` is given for it */
  wait(name: string, offset: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(`${name} ${offset}`, { resolve, reject })
    })
  }

  came(name: string, offset: number, part: Uint8Array): void {
    this.#waiting.get(`${name} ${offset}`)?.resolve(part)
    this.#waiting.delete(`${name} ${offset}`)
  }

  missing(name: string, why: string): void {
    for (const [key, { reject }] of this.#waiting)
      if (key.startsWith(`${name} `)) {
        this.#waiting.delete(key)
        reject(new Error(why))
      }
  }

  /** The line is broken. */
  fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
