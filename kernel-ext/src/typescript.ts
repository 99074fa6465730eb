/** TypeScript: the one that the kernel has loaded already, as a second one takes a second and 80 MB; else our own. */
import { createRequire } from 'node:module'
import type TS from 'typescript'

const require = createRequire(import.meta.url)
const loaded = Object.keys(require.cache).find(path =>
  /[\\/]typescript-for-tslab[\\/]lib[\\/]typescript\.js$/.test(path),
)

export const ts = require(loaded ?? 'typescript') as typeof TS
