// Makes the embedded model in LORA_HARNESS_HOME, saying what happens, and the peak of its memory [MB] at the end.
import { register } from 'node:module'

register('ts-node/esm/transpile-only', import.meta.url)
const { ensureEmbeddedModel } = await import('../../src/models/embedded.ts')

const start = performance.now()
await ensureEmbeddedModel({ log: line => process.stdout.write(`${line}\n`) })
const seconds = (performance.now() - start) / 1000
process.stdout.write(`done ${JSON.stringify({ seconds, megabytes: process.resourceUsage().maxRSS / 1024 })}\n`)
