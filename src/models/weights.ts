import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Const } from '../graph/graph.js'
import type { DType } from '../tensor.js'
import { dequantise, type Gguf, half, readBlocks } from './gguf.js'
import { BLOCKS, type GgufTensor } from './gguf-head.js'

/** Constants begin at whole pages, so that the runtime can map them into memory instead of reading them. */
const PAGE = 4096

/** A file of external data, written one constant after the other. */
export interface DataFile {
  name: string
  handle: FileHandle
  /** Where the last constant ends [bytes]. */
  end: number
}

/** @throws Error if the file exists */
export const createDataFile = async (path: string): Promise<DataFile> => ({
  name: basename(path),
  handle: await open(path, 'wx'),
  end: 0,
})

/** Appends a constant at the next page; what is returned says where it lies. */
export async function append(file: DataFile, data: Float32Array | Uint8Array, dims: number[]): Promise<Const> {
  const dtype: DType = data instanceof Float32Array ? 'float32' : 'uint8'
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const offset = Math.ceil(file.end / PAGE) * PAGE
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.handle.write(bytes, at, bytes.length - at, offset + at)
    at += bytesWritten
  }
  file.end = offset + bytes.length
  return { type: { dtype, dims }, data: { file: file.name, offset, length: bytes.length } }
}

/** A stored tensor [out, in] and the order of its rows: row n of the layer is the stored row `stored(n)`. */
export interface Rows {
  tensor: GgufTensor
  stored: (n: number) => number
}

export const inOrder = (tensor: GgufTensor): Rows => ({ tensor, stored: n => n })

/**
 * The rows of a rotary projection in the order of the original model. llama.cpp stores rows i and i + width/2 of a
 * head beside each other (convert_hf_to_gguf.py, `permute`); this undoes it.
 */
export function byHalves(tensor: GgufTensor, headWidth: number): Rows {
  const half = headWidth / 2
  return {
    tensor,
    stored: n => {
      const i = n % headWidth
      return n - i + 2 * (i % half) + Math.floor(i / half)
    },
  }
}

/** Number of outputs N of layers put side by side. */
export const outputs = (parts: Rows[]): number => parts.reduce((n, { tensor }) => n + tensor.dims[0]!, 0)

/** Number of inputs K of layers put side by side. */
export const inputs = (parts: Rows[]): number => parts[0]!.tensor.dims[1]!

/** The weight of a linear layer as float32 [K, N]. */
export async function floatWeight(g: Gguf, parts: Rows[]): Promise<Float32Array> {
  const [K, N] = [inputs(parts), outputs(parts)]
  const out = new Float32Array(K * N)
  let left = 0
  for (const { tensor, stored } of parts) {
    const rows = dequantise(tensor.type, await readBlocks(g, tensor))
    const count = tensor.dims[0]!
    // In squares of 32 x 32, so that what is read and what is written both stay in the cache.
    for (let n0 = 0; n0 < count; n0 += 32)
      for (let k0 = 0; k0 < K; k0 += 32)
        for (let n = n0; n < Math.min(n0 + 32, count); n++) {
          const row = stored(n) * K
          for (let k = k0; k < Math.min(k0 + 32, K); k++) out[k * N + left + n] = rows[row + k]!
        }
    left += count
  }
  return out
}

/** The weight of a linear layer as MatMulNBits takes it, and what is missing: W = scale·(q − 8) + offset. */
export interface FourBitWeight {
  /** Two q to a byte, the first in the low half [N, K/32, 16]. */
  q: Uint8Array
  /** [N, K/32] */
  scales: Float32Array
  /** [K/32, N] */
  offsets: Float32Array
}

/**
 * The same weights as {@link floatWeight}, left in four bits. A Q4_1 block is d·q + m = d·(q − 8) + (m + 8d): the
 * first term is MatMulNBits with its usual zero point 8, the second is the same for 32 weights.
 *
 * @param parts all stored as Q4_1
 */
export async function fourBitWeight(g: Gguf, parts: Rows[]): Promise<FourBitWeight> {
  const [blocksInRow, N] = [inputs(parts) / 32, outputs(parts)]
  const q = new Uint8Array(N * blocksInRow * 16)
  const scales = new Float32Array(N * blocksInRow)
  const offsets = new Float32Array(blocksInRow * N)
  let n = 0
  for (const { tensor, stored } of parts) {
    const blocks = await readBlocks(g, tensor)
    for (let row = 0; row < tensor.dims[0]!; row++, n++)
      for (let b = 0; b < blocksInRow; b++) {
        const at = (stored(row) * blocksInRow + b) * BLOCKS.Q4_1.bytes
        const to = n * blocksInRow + b
        const [d, m] = [half(blocks, at), half(blocks, at + 2)]
        scales[to] = d
        offsets[b * N + n] = m + 8 * d
        // Stored: weight i and i + 16 in a byte. Wanted: 2i and 2i + 1.
        for (let i = 0; i < 8; i++) {
          const [even, odd] = [blocks[at + 4 + 2 * i]!, blocks[at + 5 + 2 * i]!]
          q[to * 16 + i] = (even & 15) | ((odd & 15) << 4)
          q[to * 16 + 8 + i] = (even >> 4) | (odd & 0xf0)
        }
      }
  }
  return { q, scales, offsets }
}
