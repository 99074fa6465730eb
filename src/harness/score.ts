import { HarnessError } from '../errors.js'
import type { Json, Metrics } from '../protocol/index.js'

/** A scorer's answer, sorted into what a mean can be taken of and the rest. */
export interface Score {
  metrics: Metrics
  details: Record<string, Json>
}

/**
 * Sorts what a scorer returned: finite numbers and booleans (as 0 or 1) are metrics, everything else is a detail.
 *
 * @throws HarnessError if it is not a record, or a detail has no JSON form
 */
export function scoreOf(evaluation: unknown): Score {
  if (typeof evaluation !== 'object' || evaluation === null || Array.isArray(evaluation))
    throw new HarnessError(`evaluate returned ${String(evaluation)}; it must return a record such as { f1: 0.5 }`)
  const entries = Object.entries(evaluation).filter(([, value]) => value !== undefined)
  const metric = (value: unknown) => typeof value === 'boolean' || Number.isFinite(value)
  return {
    metrics: Object.fromEntries(entries.filter(([, v]) => metric(v)).map(([name, v]) => [name, Number(v)])),
    details: Object.fromEntries(entries.filter(([, v]) => !metric(v)).map(([name, v]) => [name, toJson(v, name, [])])),
  }
}

/** `value` as JSON; NaN and the infinities become their names, because JSON has no such numbers. */
function toJson(value: unknown, path: string, inside: object[]): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (value instanceof Date) return Number.isNaN(value.valueOf()) ? String(value) : value.toISOString()
  if (typeof value !== 'object' || inside.includes(value))
    throw new HarnessError(`evaluate returned a detail without a JSON form: ${path} is ${kind(value)}`)
  const within = [...inside, value]
  if (Array.isArray(value)) return value.map((item, i) => toJson(item ?? null, `${path}[${i}]`, within))
  const entries = Object.entries(value).filter(([, v]) => v !== undefined)
  return Object.fromEntries(entries.map(([name, v]) => [name, toJson(v, `${path}.${name}`, within)]))
}

const kind = (value: unknown): string => (typeof value === 'object' ? 'part of itself' : `a ${typeof value}`)
