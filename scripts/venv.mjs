/** Python environments under LORA_HARNESS_HOME, each made once. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { Missing, python, run, say } from './setup.mjs'

export const windows = process.platform === 'win32'
export const pythonIn = venv => (windows ? join(venv, 'Scripts', 'python.exe') : join(venv, 'bin', 'python'))

/**
 * An environment with these packages, made if it is not there.
 *
 * @param name ends in a number that is raised when the packages change
 * @param what it is for, to say while it is made
 * @returns path of its interpreter
 * @throws Missing
 */
export async function venv(name, what, packages) {
  const home = resolve(process.env.LORA_HARNESS_HOME || join(homedir(), '.cache', 'lora-harness'))
  const folder = join(home, 'venvs', name)
  if (existsSync(folder)) return pythonIn(folder)
  await python(`${what}: this needs`)
  say(`• ${what}: making a Python environment, once …`)
  const making = `${folder}.new`
  rmSync(making, { recursive: true, force: true })
  mkdirSync(dirname(folder), { recursive: true })
  for (const [command, ...args] of [
    [windows ? 'python' : 'python3', '-m', 'venv', making],
    [pythonIn(making), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages],
  ])
    if ((await run(command, args)) !== 0)
      throw new Missing(
        `${command} ${args.join(' ')} failed (see above); it needs Python 3.10 or newer and a package index.`,
      )
  renameSync(making, folder)
  return pythonIn(folder)
}
