/** `npm run build`: compiles src to dist, unless nothing changed. */
import { build, main } from './setup.mjs'

await main(build)
