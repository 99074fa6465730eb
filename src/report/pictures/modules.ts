/** One module of an adapter, for pictures. */
export interface ModuleShape {
  /** `model.layers.3.self_attn.q_proj` */
  module: string
  /** ‖ΔW‖_F */
  norm: number
  /** ‖W₀‖_F of the weights it is added to; null where they are not known. */
  baseNorm: number | null
  /** R */
  rank: number | null
  /** exp(entropy of the singular values): see `Spectrum`; null if ΔW = 0 or not computed. */
  effectiveRank: number | null
  /** Part of ‖ΔW‖² in its strongest direction; null as above. */
  strongest: number | null
}

/** A module's place in a grid of layers by kinds. */
export interface Place {
  /** null for one that is in no numbered layer. */
  layer: number | null
  kind: string
}

/** `model.layers.3.self_attn.q_proj`: layer 3, kind `model.layers.self_attn.q_proj`. */
export function placeOf(module: string): Place {
  const [, before, layer, after] = /^(.*?)(?:^|\.)(\d+)\.(.+)$/.exec(module) ?? []
  return layer === undefined ? { layer: null, kind: module } : { layer: Number(layer), kind: `${before}.${after}` }
}

/** `layer 3, self_attn.q_proj`; a module that is in no layer by its name. */
export function moduleName(module: string): string {
  const { layer, kind } = placeOf(module)
  return layer === null ? module : `layer ${layer}, ${kind.split('.').slice(-2).join('.')}`
}

/** The order in which a layer computes, for the names that most models use. */
const ORDER = ['q', 'k', 'v', 'qkv', 'o', 'gate', 'up', 'gate_up', 'down']

/** Kinds in the order in which a layer computes them, as far as their names tell; the others after them as they come. */
export function inOrder(kinds: Iterable<string>): string[] {
  const all = [...new Set(kinds)]
  const names = kindNames(all)
  const rank = (kind: string) => (ORDER.indexOf(names.get(kind)!) + ORDER.length + 1) % (ORDER.length + 1)
  return all.sort((a, b) => rank(a) - rank(b))
}

/** What kinds are called: their last part without `_proj` where that tells them apart. */
export function kindNames(kinds: readonly string[]): Map<string, string> {
  const brief = (kind: string) => kind.slice(kind.lastIndexOf('.') + 1).replace(/_proj$/, '')
  const seen = new Map<string, number>()
  for (const kind of kinds) seen.set(brief(kind), (seen.get(brief(kind)) ?? 0) + 1)
  return new Map(
    kinds.map(kind => [kind, seen.get(brief(kind)) === 1 ? brief(kind) : kind.split('.').slice(-2).join('.')]),
  )
}

type Sized = Pick<ModuleShape, 'module' | 'norm' | 'baseNorm'>

/** One cell of a grid: how far its weights moved. */
export interface Cell extends Sized {
  /** ‖ΔW‖_F/‖W₀‖_F, or ‖ΔW‖_F in a grid that is not relative. */
  size: number
}

/** Sizes of an adapter's modules by layer (rows) and kind (columns). */
export interface Grid {
  /** Are sizes parts of the base weights' norms? */
  relative: boolean
  layers: (number | null)[]
  kinds: string[]
  /** null: nothing was adapted there; undefined: there is nothing. */
  cells: (Cell | null | undefined)[][]
  /** Sizes of whole layers, and of whole kinds. */
  rows: number[]
  columns: number[]
  /** The largest size. */
  most: number
}

/** Kinds and layers that are drawn. */
const MOST_KINDS = 24
const MOST_LAYERS = 200

/** Are all sizes relative to the base weights? */
export const isRelative = (modules: readonly Sized[]): boolean =>
  modules.length > 0 && modules.every(m => m.baseNorm !== null && m.baseNorm > 0)

/** @param all modules of the base model, as far as they are known: those that `modules` lacks have no adapter */
export function gridOf(modules: readonly Sized[], all: Iterable<string> = []): Grid {
  const relative = isRelative(modules)
  const found = new Map<string, Cell>()
  const key = (layer: number | null, kind: string) => `${layer ?? ''} ${kind}`
  const places = [...modules.map(m => m.module), ...all].map(placeOf)
  const kinds = inOrder(places.map(place => place.kind)).slice(0, MOST_KINDS)
  const layers = [...new Set(places.map(place => place.layer))]
    .sort((a, b) => (a ?? 1e9) - (b ?? 1e9))
    .slice(0, MOST_LAYERS)
  for (const { module, norm, baseNorm } of modules) {
    const { layer, kind } = placeOf(module)
    found.set(key(layer, kind), { module, norm, baseNorm, size: relative ? norm / baseNorm! : norm })
  }
  const cells = layers.map(layer =>
    kinds.map(kind => {
      // A module that is in no layer has a row of its own.
      const isNowhere = layer === null || (placeOf(kind).layer === null && !kind.includes('.'))
      return found.get(key(layer, kind)) ?? (isNowhere ? undefined : null)
    }),
  )
  const whole = (of: readonly (Cell | null | undefined)[]) => {
    const there = of.filter(c => c != null)
    const norm = Math.hypot(...there.map(c => c.norm))
    return relative ? norm / (Math.hypot(...there.map(c => c.baseNorm!)) || 1) : norm / Math.sqrt(there.length || 1)
  }
  return {
    ...{ relative, layers, kinds, cells, rows: cells.map(whole) },
    columns: kinds.map((_, column) => whole(cells.map(row => row[column]))),
    most: Math.max(0, ...[...found.values()].map(cell => cell.size)),
  }
}
