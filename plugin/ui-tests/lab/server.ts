import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launch } from '../../../test/browser/chromium.js'
import { freePort } from '../../../test/helpers/port.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const built = join(root, 'plugin', 'labextension')

/** Python that has JupyterLab and Notebook, as `npm test` made it. */
const python =
  process.env.LAB_PYTHON ||
  join(process.env.LORA_HARNESS_HOME || join(homedir(), '.cache', 'lora-harness'), 'venvs', 'lab-1', 'bin', 'python')

/** Are JupyterLab and the built plugin here? */
export const HAS_LAB = existsSync(python) && existsSync(join(built, 'package.json'))

const SETTINGS = {
  '@jupyterlab/apputils-extension/notification': { fetchNews: 'false', checkForUpdates: false, doNotDisturbMode: true },
  '@jupyterlab/docmanager-extension/plugin': { autosave: false },
  '@jupyterlab/notebook-extension/tracker': { windowingMode: 'full' },
}

export interface Lab {
  origin: string
  /** Folder that it shows. */
  folder: string
  browser: Browser
  /** Opens a path of it in a page of its own; whatever leaves this server is kept in `left`. */
  open(path: string, options?: OpenOptions): Promise<LabPage>
  /** Asks the server's own API. */
  api(path: string, init?: RequestInit): Promise<unknown>
  close(): Promise<void>
}

export interface OpenOptions {
  context?: BrowserContext
  width?: number
  height?: number
  theme?: 'light' | 'dark'
}

export type LabPage = Page & {
  /** Requests to anything but the server. */
  left: string[]
  /** Errors that nobody caught. */
  trouble: string[]
}

/** JupyterLab (or Notebook) with our kernel and plugin, and nothing of the user's, in a folder of its own. */
export async function startLab(app: 'jupyterlab' | 'notebook' = 'jupyterlab'): Promise<Lab> {
  const home = mkdtempSync(join(tmpdir(), 'lora-harness-lab-'))
  const folder = join(home, 'files')
  mkdirSync(folder)
  cpSync(built, join(home, 'share/jupyter/labextensions/lora-harness-jupyterlab'), { recursive: true })
  execFileSync(process.execPath, [join(root, 'kernel-ext/bin/lora-harness-kernel.js'), 'install', '--prefix', home])
  for (const [name, settings] of Object.entries(SETTINGS)) {
    const file = join(home, 'settings', `${name}.jupyterlab-settings`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(settings))
  }
  const port = await freePort()
  const options = {
    'ServerApp.port': port,
    'ServerApp.port_retries': 0,
    'ServerApp.ip': '127.0.0.1',
    'ServerApp.open_browser': 'False',
    'ServerApp.allow_root': 'True',
    'IdentityProvider.token': 'test',
    'ServerApp.root_dir': folder,
    'ServerApp.disable_check_xsrf': 'True',
    [app === 'jupyterlab' ? 'LabApp.expose_app_in_browser' : 'JupyterNotebookApp.expose_app_in_browser']: 'True',
  }
  const server = spawn(python, ['-m', app, ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      JUPYTER_PATH: join(home, 'share', 'jupyter'),
      JUPYTER_CONFIG_DIR: join(home, 'config'),
      JUPYTER_DATA_DIR: join(home, 'data'),
      JUPYTER_RUNTIME_DIR: join(home, 'runtime'),
      JUPYTERLAB_SETTINGS_DIR: join(home, 'settings'),
      JUPYTERLAB_WORKSPACES_DIR: join(home, 'workspaces'),
    },
  })
  const ended = once(server, 'exit')
  let said = ''
  server.stderr.on('data', text => {
    said += text
  })
  const origin = `http://127.0.0.1:${port}`
  while (
    !(await fetch(`${origin}/api?token=test`).then(
      response => response.ok,
      () => false,
    ))
  ) {
    if (server.exitCode !== null) throw new Error(`${app} did not start:\n${said}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  const browser = await launch()
  return {
    ...{ origin, folder, browser },
    async open(path, { context, width = 1400, height = 900, theme = 'light' } = {}) {
      const page = await (
        context ?? (await browser.newContext({ viewport: { width, height }, colorScheme: theme }))
      ).newPage()
      page.setDefaultTimeout(60_000)
      const left: string[] = []
      const trouble: string[] = []
      page.on('pageerror', error => trouble.push(error.stack ?? String(error)))
      page.on('request', request => {
        const { protocol, host } = new URL(request.url())
        if (host !== `127.0.0.1:${port}` && protocol !== 'data:' && protocol !== 'blob:') left.push(request.url())
      })
      const url = new URL(path, origin)
      url.searchParams.set('token', 'test')
      await page.goto(url.href)
      return Object.assign(page, { left, trouble })
    },
    api: async (path, init) => {
      const response = await fetch(`${origin}/api/${path}`, { ...init, headers: { authorization: 'token test' } })
      return response.status === 204 ? null : response.json()
    },
    async close() {
      await browser.close()
      server.kill('SIGTERM')
      await ended
      rmSync(home, { recursive: true, maxRetries: 5 })
    },
  }
}
