/**
 * `npm run lab`: sets up what is missing, JupyterLab in `.venv` included, then opens the first notebook. Ctrl-C ends it.
 * Arguments go to JupyterLab.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { JUPYTERLAB } from './notebook-python.mjs'
import { buildPlugin, installPlugin } from './plugin.mjs'
import { embeddedModel, Missing, main, python, run, say, setUp, unless } from './setup.mjs'
import { pythonIn, windows } from './venv.mjs'

const VENV = '.venv'
/** JupyterLab asks nobody's server for news or newer versions, and asks no reader whether it may. */
const SETTINGS = { '@jupyterlab/apputils-extension:notification': { fetchNews: 'false', checkForUpdates: false } }

/** JupyterLab, our kernel and our plugin in an environment of this folder. */
async function jupyterLab() {
  const done = await unless(`${VENV}/.lora-harness`, JUPYTERLAB, async () => {
    await python('JupyterLab needs')
    say(`• JupyterLab: making ${VENV}, once (a minute or so) …`)
    for (const [command, ...args] of [
      [windows ? 'python' : 'python3', '-m', 'venv', VENV],
      [pythonIn(VENV), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', JUPYTERLAB],
    ])
      if ((await run(command, args)) !== 0)
        throw new Missing(`${command} ${args.join(' ')} failed (see above); it needs a package index.`)
  })
  say(done ? '• JupyterLab: installed.' : '• JupyterLab: up to date.')
  const settings = join(VENV, 'share', 'jupyter', 'lab', 'settings')
  mkdirSync(settings, { recursive: true })
  writeFileSync(join(settings, 'overrides.json'), JSON.stringify(SETTINGS))
  await run(process.execPath, ['kernel-ext/bin/lora-harness-kernel.js', 'install', '--prefix', VENV])
  installPlugin(VENV)
  say(`• Plugin: installed in ${VENV}.`)
}

await main(async () => {
  await setUp()
  await buildPlugin()
  await embeddedModel()
  await jupyterLab()
  const hasDisplay = process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY
  const options = [
    '--ServerApp.root_dir=.',
    '--LabApp.default_url=/lab/tree/notebooks/101-first-run.ipynb',
    '--ServerApp.ip=127.0.0.1',
    '--ServerApp.answer_yes=True', // Ctrl-C asks nothing.
    ...(hasDisplay ? [] : ['--no-browser']),
    ...(process.getuid?.() === 0 ? ['--allow-root'] : []),
  ]
  say('')
  return run(pythonIn(VENV), ['-m', 'jupyterlab', ...options, ...process.argv.slice(2)])
})
