/** `node --import ./scripts/typescript.mjs FILE.ts`: TypeScript as experiments are run, type check included. */
import { register } from 'node:module'

register('../dist/cli/ts-loader.js', import.meta.url)
