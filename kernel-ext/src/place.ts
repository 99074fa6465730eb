import { plainTransport } from './plain.js'
import type { Transport } from './transport.js'
import { tslabTransport } from './tslab.js'

/** Where our kernel puts its transport, so that every copy of this package in its process finds it. */
export const PLACE: unique symbol = Symbol.for('lora-harness.transport.v1')

/** The way from this code to the page, found once. */
export function transport(): Transport {
  const place = globalThis as { [PLACE]?: Transport }
  place[PLACE] ??= tslabTransport() ?? plainTransport()
  return place[PLACE]
}
