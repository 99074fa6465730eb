import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { launch } from '../../../test/browser/chromium.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const theme = (name: string) =>
  readFileSync(join(root, `node_modules/@jupyterlab/theme-${name}-extension/style/variables.css`))
const TYPES: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html' }
const page = (name: string) =>
  `<!doctype html><meta charset="utf-8"><title>Panel</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/theme-${name}.css"><link rel="stylesheet" href="/main.css"><style>body{margin:0;background:var(--jp-layout-color1);color:var(--jp-ui-font-color1);font-family:var(--jp-ui-font-family);font-size:var(--jp-ui-font-size1)}#root{height:100vh}</style><div id="root"></div><script type="module" src="/main.js"></script>`

/** The panel by itself in a browser: bundles `main.tsx`, serves it to this machine, and opens pages of it. */
export async function site() {
  const folder = mkdtempSync(join(tmpdir(), 'panel-'))
  await build({
    entryPoints: [fileURLToPath(new URL('main.tsx', import.meta.url))],
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    // What is tested is the source, not what was built of it some time ago.
    alias: Object.fromEntries(
      ['protocol', 'report'].map(name => [`lora-harness/${name}`, join(root, `src/${name}/index.ts`)]),
    ),
    loader: {
      '.svg': 'text',
      '.woff': 'dataurl',
      '.woff2': 'dataurl',
      '.ttf': 'dataurl',
      '.eot': 'dataurl',
      '.png': 'dataurl',
    },
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis', process: '{"env":{}}' },
    outdir: folder,
    logLevel: 'error',
  })
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url!, 'http://localhost').pathname))
    const named = /^\/theme-(light|dark)\.css$/.exec(path)
    try {
      const shown = new URL(request.url!, 'http://localhost').searchParams.get('theme') === 'dark' ? 'dark' : 'light'
      response.setHeader('content-type', TYPES[path === '/' ? '.html' : extname(path)] ?? 'application/octet-stream')
      response.end(named ? theme(named[1]!) : path === '/' ? page(shown) : readFileSync(join(folder, path)))
    } catch {
      response.writeHead(404).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const browser = await launch()
  return {
    origin,
    browser,
    /** @param query see main.tsx */
    async open(query = '', { width = 1400, height = 900 } = {}): Promise<Page & { trouble: string[] }> {
      const context = await browser.newContext({ viewport: { width, height } })
      const opened = await context.newPage()
      const trouble: string[] = []
      opened.on('pageerror', error => trouble.push(String(error)))
      opened.on('console', message => {
        if (message.type() === 'error') trouble.push(message.text())
      })
      opened.on('request', request => {
        if (!request.url().startsWith(origin) && !/^(data|blob):/.test(request.url())) trouble.push(request.url())
      })
      await opened.goto(`${origin}/?${query}`)
      await opened.waitForSelector('.lh-Panel, .lh-Card', { state: 'attached' })
      return Object.assign(opened, { trouble })
    },
    async close(): Promise<void> {
      await browser.close()
      server.closeAllConnections()
      server.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** A page with the timeline alone. */
export async function openTimeline({ open }: Pick<Awaited<ReturnType<typeof site>>, 'open'>, query = '') {
  const page = await open(`only=timeline&examples=4&${query}`)
  await page.waitForSelector('[data-lh="timeline-history"]')
  return page
}
