import { InputError } from '../errors.js'
import { type LoraModule, tensorName } from '../rules/lora.js'
import type { Tensor } from '../tensor.js'
import { patternValue } from './patterns.js'
import { sha256 } from './sha256.js'

/** The settings that decide what an adapter computes, beside its tensors. */
export interface AdapterConfig {
  /** R */
  r: number
  /** α; a module's update is scaled by α/r, or α/√r with `rslora`. */
  alpha: number
  rslora: boolean
  /** Exceptions from `r` and `alpha`: see {@link patternValue}. */
  rankPattern: Record<string, number>
  alphaPattern: Record<string, number>
}

/** An adapter in memory: PEFT's tensors by PEFT's names, lora_A [r, in] and lora_B [out, r]. */
export interface Adapter {
  config: AdapterConfig
  tensors: Map<string, Tensor>
}

/** α/r of one module (α/√r with rsLoRA, Kalajdzievski 2023). */
export function scaleOf(config: AdapterConfig, module: string): number {
  const r = patternValue(config.rankPattern, module, config.r)
  const alpha = patternValue(config.alphaPattern, module, config.alpha)
  return alpha / (config.rslora ? Math.sqrt(r) : r)
}

/** Names of the modules an adapter holds, in the order of its tensors. */
export function modulesOf(adapter: Adapter): string[] {
  return [...adapter.tensors.keys()]
    .filter(name => name.endsWith('.lora_A.weight'))
    .map(name => name.slice('base_model.model.'.length, -'.lora_A.weight'.length))
}

/** Rank of each module, from its tensors. */
export const ranksOf = (adapter: Adapter): Map<string, number> =>
  new Map(modulesOf(adapter).map(m => [m, adapter.tensors.get(tensorName(m, 'A'))!.dims[0]!]))

/**
 * sha-256 of what the adapter computes: its settings and its tensors' bytes in name order. One name, one adapter,
 * for ever: a reused name with other weights behind it cannot happen.
 */
export const identify = (adapter: Adapter): string => sha256(identifying(adapter))

function* identifying({ config, tensors }: Adapter): Generator<string | Uint8Array> {
  const { r, alpha, rslora, rankPattern, alphaPattern } = config
  // Patterns in their order: the first key that fits a module decides.
  yield JSON.stringify([r, alpha, rslora, Object.entries(rankPattern), Object.entries(alphaPattern)])
  for (const name of [...tensors.keys()].sort()) {
    const { dims, data } = tensors.get(name)!
    yield `\n${name} ${dims.join('x')}\n`
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  }
}

/**
 * Fails unless every tensor of the adapter fits a module of the model.
 *
 * @throws InputError naming module, found and expected sizes
 */
export function requireFit(adapter: Adapter, modules: readonly LoraModule[], model: string): void {
  const known = new Map(modules.map(m => [m.name, m]))
  for (const name of modulesOf(adapter)) {
    const m = known.get(name)
    if (!m)
      throw new InputError(
        `adapter of another model: it has module ${name}, ${model} has ${nearest(name, [...known.keys()])}`,
      )
    const A = adapter.tensors.get(tensorName(name, 'A'))!
    const B = adapter.tensors.get(tensorName(name, 'B'))!
    if (A.dims[1] !== m.in || B.dims[0] !== m.out)
      throw new InputError(
        `adapter of another model: module ${name} maps ${A.dims[1]} to ${B.dims[0]}, in ${model} it maps ${m.in} to ${m.out}`,
      )
  }
}

/** A few names to show beside one that was not found: those with the same ending first. */
function nearest(name: string, names: readonly string[]): string {
  const end = name.slice(name.lastIndexOf('.'))
  const alike = names.filter(n => n.endsWith(end))
  const shown = (alike.length > 0 ? alike : names).slice(0, 4)
  return `${shown.join(', ')}${names.length > shown.length ? `, … (${names.length} in all)` : ''}`
}
