import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, extname, join, normalize } from 'node:path'
import { build } from 'esbuild'
import { root } from '../cli/cli.js'

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
}
const PAGE =
  '<!doctype html><meta charset="utf-8"><title>LoRA Harness</title><script type="module" src="page.js"></script>'

/** Folder of the runtime's .wasm file. */
const ort = dirname(createRequire(import.meta.url).resolve('onnxruntime-web/webgpu'))

/** Page and worker as somebody who uses the package would bundle them: from what is built, by the package's own entries. */
export async function bundle(folder: string): Promise<void> {
  await build({
    entryPoints: { page: join(root, 'test/browser/page.ts'), worker: join(root, 'test/browser/worker.ts') },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    // The tests' types come from the sources (tsconfig.json); what runs is what the package exports.
    tsconfigRaw: {},
    outdir: folder,
    logLevel: 'warning',
  })
}

/** Serves a folder, and beside it the runtime (`/ort/`) and the tiny models (`/models/`), to this machine only. */
export async function serve(folder: string): Promise<{ origin: string; close(): void }> {
  const places: [prefix: string, folder: string][] = [
    ['/ort/', ort],
    ['/models/', join(root, 'test/fixtures')],
    ['/', folder],
  ]
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url!, 'http://localhost').pathname))
    const [prefix, place] = places.find(([p]) => path.startsWith(p))!
    try {
      const body = path === '/' ? PAGE : await readFile(join(place, path.slice(prefix.length)))
      response.setHeader('content-type', TYPES[path === '/' ? '.html' : extname(path)] ?? 'application/octet-stream')
      response.end(request.method === 'HEAD' ? undefined : body)
    } catch {
      response.writeHead(404).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
