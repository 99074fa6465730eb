/** The browser that the `ui` tests run in, and the software GPU beside it that the WebGPU tests of Node use. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Missing, run, say } from './setup.mjs'

const found = () =>
  [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(path => path && existsSync(path))

/** Is the library here through which Node's runtime finds a GPU? Chromium's own copy of it does not count. */
const hasVulkan = () =>
  process.platform !== 'linux' || String(spawnSync('/sbin/ldconfig', ['-p']).stdout).includes('libvulkan.so.1')

/** How to run something as root: as who we are, or with a sudo that asks for no password; undefined if neither goes. */
function asRoot() {
  if (process.getuid?.() === 0) return []
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined
}

/**
 * Sees to a Chromium, and on Linux to libvulkan1: on Debian by installing them, once, elsewhere by saying how.
 *
 * @throws Missing
 */
export async function chromium() {
  const packages = [...(found() ? [] : ['chromium']), ...(hasVulkan() ? [] : ['libvulkan1'])]
  if (packages.length === 0) return say(`• Browser: up to date (${found()}).`)
  const command = ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages]
  const root = existsSync('/etc/debian_version') ? asRoot() : undefined
  if (root) {
    say(
      `• Browser: installing ${packages.join(' and ')} for the tests in a browser and on WebGPU, once (a minute or so) …`,
    )
    const options = { stdio: ['ignore', 'ignore', 'inherit'], env: { DEBIAN_FRONTEND: 'noninteractive' } }
    for (const [program, ...args] of [['apt-get', 'update', '-qq'], command].map(line => [...root, ...line]))
      await run(program, args, options)
  }
  if (!found() || !hasVulkan())
    throw new Missing(
      `The tests in a browser need Chromium, those of WebGPU libvulkan1; here is no ${packages.join(' and no ')}.\n` +
        `On Debian: sudo ${command.join(' ')}\nElsewhere: install Chromium or Chrome, and set CHROMIUM_PATH to its program.`,
    )
  say('• Browser: ready.')
}
