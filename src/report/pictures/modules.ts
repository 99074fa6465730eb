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
