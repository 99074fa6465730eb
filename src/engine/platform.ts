import type * as Ort from 'onnxruntime-node'
import type { Adapter } from '../lora/adapter.js'
import type { TrainingNotes } from '../lora/card.js'
import type { BaseModel } from '../lora/format.js'
import type { LoRAHandle } from '../lora/handle.js'
import type { ModelDType } from '../models/dtypes.js'

/** Where a model computes. */
export type Device = 'cpu' | 'wasm' | 'webgpu' | 'cuda' | 'dml' | 'coreml'

/** Large constants of a graph by the file they lie in: a folder that has these files, or the files' bytes. */
export type Weights = string | ReadonlyMap<string, Uint8Array>

/** The files of one model. Names are relative to its folder: `config.json`, `onnx/model.onnx`. */
export interface ModelFiles {
  id: string
  /** Of its weights. */
  dtype: ModelDType
  /** Folder or address, for messages. */
  place: string
  /** @throws InputError if it cannot be read */
  read(name: string): Promise<Uint8Array>
  /** Bytes of a file of `onnx/`, from an offset; fewer if it ends before. */
  part(file: string, offset: number, length: number): Promise<Uint8Array>
  /** The files of `onnx/` that hold large constants. */
  weights(names: readonly string[]): Promise<Weights>
}

/**
 * What differs between Node and the browser; `#platform` is the one of the place where the program runs (the field
 * `imports` of package.json says which).
 */
export interface Platform {
  ort: Pick<typeof Ort, 'InferenceSession' | 'Tensor'>
  /** What can be asked for here, in the order in which `auto` tries; the last one is always there. */
  devices: readonly Device[]
  /** Why another device is not among them, and what is. */
  elsewhere: string
  /** @param dtypes the first of these that the model has */
  openModel(id: string, dtypes: readonly [ModelDType, ...ModelDType[]]): Promise<ModelFiles>
  /** Session options by which the runtime finds a graph's large constants. */
  external(weights: Weights): Partial<Ort.InferenceSession.SessionOptions>
  /** An adapter's weights, from where its handle says. @throws InputError if they are not there or damaged */
  readAdapter(handle: LoRAHandle): { adapter: Adapter; base: BaseModel }
  /** Keeps an adapter under its identity. */
  saveAdapter(adapter: Adapter, base: BaseModel, training?: TrainingNotes): { identifier: string; path?: string }
  /** Files in an adapter's folder that are no part of it. */
  beside: {
    read(folder: string, name: string): Uint8Array | undefined
    write(folder: string, name: string, bytes: Uint8Array): void
  }
  /** Learns from a session's first run where each node ran; undefined where the runtime does not tell. */
  profiler?: () => {
    options: Partial<Ort.InferenceSession.SessionOptions>
    /** Ends the profile and gives its events, in the form of Chrome's trace viewer. */
    end(session: Ort.InferenceSession): unknown
    /** Forgets it, if no session was made. */
    drop(): void
  }
  /** Lets messages come in, where the runtime computes without ever waiting. */
  breathe?: () => Promise<void>
  warn(text: string, code: string): void
}
