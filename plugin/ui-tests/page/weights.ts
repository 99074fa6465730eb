import type { AdapterModule, AdapterPair, AdapterWay, Lineage, Step } from 'lora-harness/protocol'
import { random } from '../../../src/tensor.js'
import type { RunStore } from '../../src/model/store.js'
import type { FakeSource } from './sample.js'

/** 64 hexadecimal digits that stand for a text. */
export function hex(text: string): string {
  let h = 2166136261
  return Array.from({ length: 64 }, (_, i) => {
    for (const c of `${text}${i}`) h = Math.imul(h ^ c.charCodeAt(0), 16777619)
    return ((h >>> 13) & 15).toString(16)
  }).join('')
}

/** Steps as a branch has them: each example is answered with what the last one of its chat left behind. */
export function chained(steps: readonly Step[], branch: string, at = 0): Step[] {
  const last = new Map<string | null, { identifier: string }>()
  return steps.map(step => {
    const owner = step.index < at ? 'main' : branch
    const retrievedLora = last.get(step.chatId) ?? null
    const updatedLora = step.updatedLora && { identifier: hex(`${owner} ${step.index}`) }
    if (updatedLora) last.set(step.chatId, updatedLora)
    return { ...step, branch: owner, retrievedLora, updatedLora }
  })
}

/** Linear layers of SmolLM2-135M with about their ‖W₀‖_F. */
const KINDS = {
  'self_attn.q_proj': 40,
  'self_attn.k_proj': 28,
  'self_attn.v_proj': 18,
  'self_attn.o_proj': 34,
  'mlp.gate_proj': 88,
  'mlp.up_proj': 74,
  'mlp.down_proj': 70,
}
export const LAYERS = 30
export const ALL = Array.from({ length: LAYERS }, (_, layer) =>
  Object.keys(KINDS).map(kind => `model.layers.${layer}.${kind}`),
).flat()
const RANK = 8

/**
 * Modules of an adapter: the middle layers move most, and one direction is the strongest by far. No module of layer 29
 * has an adapter, and v of layer 0 is zero.
 *
 * @param size ‖ΔW‖ in parts of a whole run's
 */
function modulesOf(seed: number, size: number, strongest: number): AdapterModule[] {
  const rng = random(seed)
  return ALL.flatMap((module): AdapterModule[] => {
    const [, layer, kind] = /(\d+)\.(.+)$/.exec(module)!
    if (Number(layer) === LAYERS - 1) return []
    const baseNorm = KINDS[kind as keyof typeof KINDS]
    const hump = Math.exp(-(((Number(layer) - 12) / 8) ** 2)) * (kind!.startsWith('mlp') ? 0.6 : 1) + 0.08
    const norm =
      module === 'model.layers.0.self_attn.v_proj' ? 0 : baseNorm * 0.02 * size * hump * (0.7 + 0.6 * rng.uniform())
    if (norm === 0)
      return [{ module, norm, baseNorm, rank: RANK, effectiveRank: null, strongest: null, values: Array(RANK).fill(0) }]
    // Attention learns in fewer directions than the rest.
    const decay = strongest * (kind!.startsWith('mlp') ? 0.4 : 1) * (0.5 + rng.uniform())
    const raw = Array.from({ length: RANK }, (_, i) => Math.exp(-i * decay * (0.8 + 0.4 * rng.uniform())))
    const whole = Math.hypot(...raw)
    const values = raw.map(v => (v * norm) / whole).sort((a, b) => b - a)
    const sum = values.reduce((a, b) => a + b, 0)
    const effectiveRank = Math.exp(-values.reduce((h, v) => h + (v / sum) * Math.log(v / sum), 0))
    return [{ module, norm, baseNorm, rank: RANK, effectiveRank, strongest: values[0]! ** 2 / norm ** 2, values }]
  })
}

const seedOf = (identifier: string | null): number => Number.parseInt(identifier?.slice(0, 6) ?? '0', 16)
const normOf = (modules: readonly AdapterModule[]): number => Math.hypot(...modules.map(m => m.norm))

/** What a kernel would answer on two adapters. */
export function pairOf(a: string | null, b: string | null): AdapterPair {
  const of = (identifier: string | null) => (identifier === null ? [] : modulesOf(seedOf(identifier), 1, 0.55))
  const modules = { a: of(a), b: of(b), change: modulesOf(seedOf(a) ^ seedOf(b), a === null ? 1 : 0.2, 0.9) }
  // What lies between two of rank 8 can have 16 directions; here the last ones are rounding errors.
  const rest = Array(RANK).fill(1e-9)
  modules.change = modules.change.map(m => ({ ...m, rank: null, values: [...m.values, ...rest] }))
  if (a === null) modules.change = modules.b
  if (b === null) modules.change = modules.a
  const norms = { a: normOf(modules.a), b: normOf(modules.b), change: normOf(modules.change) }
  const cosine =
    a === null || b === null ? null : (norms.a ** 2 + norms.b ** 2 - norms.change ** 2) / (2 * norms.a * norms.b)
  return { a, b, norms, cosine, modules, all: ALL, baseWhy: null }
}

/** The way of a branch's adapters: a line for each chat, growing at first; one step in six undoes something. */
export function pathOf(store: RunStore, branch: string): AdapterWay {
  const line = store.line(branch)
  const chats = [...new Set(line.map(point => point.chatId))]
  const sizes = new Map<string | null, number>()
  const moves: AdapterWay['moves'] = []
  const lines = chats.map(chat => ({ name: chat ?? 'adapter 1', norms: [] as (number | null)[] }))
  let updates = 0
  for (const [at, point] of line.entries()) {
    if (point.outcome === 'updated') {
      const rng = random(at + 7)
      const size = sizes.get(point.chatId)
      const step = 0.6 + 0.8 * rng.uniform()
      const onward = size === undefined ? null : updates % 6 === 5 ? -0.5 * rng.uniform() : 0.2 + 0.7 * rng.uniform()
      sizes.set(
        point.chatId,
        Math.sqrt(((size ?? 0) + step * (onward ?? 1)) ** 2 + (step ** 2 * (1 - (onward ?? 1) ** 2)) / 4),
      )
      moves.push({ at, step, onward })
      updates++
    }
    for (const [i, chat] of chats.entries())
      lines[i]!.norms[at] = chat === point.chatId ? (sizes.get(chat) ?? null) : null
  }
  const some = moves.filter((_, i) => Math.floor((i * 60) / moves.length) !== Math.floor(((i - 1) * 60) / moves.length))
  const names = store.branches.map(b => b.name)
  const cosines = names.map((_, i) => names.map((_, j) => (i === j ? 1 : 0.62 - 0.8 * (Math.abs(i - j) - 1))))
  return { lines, moves: some, updates, branches: names.length > 1 ? { names, cosines } : null }
}

/** Every adapter that the run's updates left behind. */
export function lineageOf(store: RunStore): Lineage {
  const adapters = store.branches.flatMap(({ name, at }) => {
    const line = store.line(name)
    return line.slice(at).flatMap((point, i) => {
      if (point.outcome !== 'updated' || point.lora === null) return []
      const before = line.slice(0, at + i).findLast(p => p.chatId === point.chatId && p.lora !== null)
      return [
        { identifier: point.lora, parent: before?.lora ?? null, branch: name, index: point.index, bytes: 4_884_480 },
      ]
    })
  })
  return {
    current: store.current,
    branches: store.branches.map(branch => ({ ...branch, length: store.line(branch.name).length })),
    adapters: adapters.sort((a, b) => a.index - b.index),
  }
}

/** Answers to all that the views of weights ask. */
export const weights = (store: RunStore): FakeSource['answers'] => ({
  adapters: ({ a, b }) => pairOf(a, b),
  // The fourth is new.
  directions: () => ({ cosines: [1, 0.9987, 0.98, 0.41, 0.97, 0.9, 0.5, 0.88, 0.93, 0.86], newBelow: 0.5 }),
  path: ({ branch }) => pathOf(store, branch),
  lineage: () => lineageOf(store),
})
