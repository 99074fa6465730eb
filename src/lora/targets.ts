import { z } from 'zod'
import { firstMatch } from './patterns.js'

const names = z.union([z.string().max(5_000), z.array(z.string().max(500)).max(100_000)])
const index = z.number().int().nonnegative()

/** The fields of adapter_config.json that say which modules have an adapter. */
export const targetFields = {
  target_modules: names.nullish(),
  exclude_modules: names.nullish(),
  layers_to_transform: z.union([index, z.array(index).max(100_000)]).nullish(),
  layers_pattern: names.nullish(),
}

type Targets = { [K in keyof typeof targetFields]?: z.infer<(typeof targetFields)[K]> }

/**
 * Does an adapter's configuration target a module? As peft's `check_target_module_exists`: PEFT ignores the tensors of
 * a module that is not targeted. An expression that cannot be evaluated here (look-around) counts as fitting: PEFT
 * writes tensors for the modules that its expression fits, and for no others.
 */
export function targetTest(config: Targets): (module: string) => boolean {
  const { target_modules: targets, exclude_modules: excluded } = config
  const isExcluded = excluded?.length ? (nameTest(excluded) ?? (() => false)) : () => false
  const isTarget = targets == null || targets === 'all-linear' ? () => true : (nameTest(targets) ?? (() => true))
  const inLayer = layerTest(config)
  const exact = new Set(Array.isArray(targets) ? targets : [])
  return module => !isExcluded(module) && isTarget(module) && (exact.has(module) || inLayer(module))
}

/** Full names or their ends after a dot; or one expression for the whole name. Undefined if that needs backtracking. */
function nameTest(names: string | string[]): ((module: string) => boolean) | undefined {
  if (typeof names === 'string') {
    // Look-ahead, look-behind, atomic and conditional groups.
    if (/\(\?(?:[=!>(]|<[=!])/.test(names)) return undefined
    const find = firstMatch([names])
    return module => find(module) === 0
  }
  const ends = new Set(names)
  return module => ends.has(module) || [...module.matchAll(/\./g)].some(dot => ends.has(module.slice(dot.index + 1)))
}

/** Is a module in one of the layers of `layers_to_transform`? True of every module if there is no such field. */
function layerTest(config: Targets): (module: string) => boolean {
  const { layers_to_transform: layers, layers_pattern: patterns } = config
  if (layers == null || (Array.isArray(layers) && layers.length === 0)) return () => true
  const wanted = new Set([layers].flat())
  if (!patterns?.length) return module => wanted.has(Number(/^.*?\.[^.]*\.(\d+)\./.exec(module)?.[1] ?? Number.NaN))
  const finders = [patterns].flat().map(pattern => firstMatch([pattern], e => `(?:.*\\.)?(?:${e})`))
  return module => {
    // The first pattern that is followed by a number decides, and the leftmost such number.
    for (const find of finders)
      for (const { 1: number, index } of module.matchAll(/\.(\d+)(?=\.)/g))
        if (find(module.slice(0, index)) === 0) return wanted.has(Number(number))
    return false
  }
}
