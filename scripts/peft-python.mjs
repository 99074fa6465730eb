/** Python with PyTorch and PEFT, in a venv under LORA_HARNESS_HOME that is made once. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { Missing, run, say } from './setup.mjs'

const PACKAGES = ['torch==2.13.0', 'peft==0.21.2', 'transformers==5.23.0', 'numpy']

/** @returns path of its interpreter */
export async function peftPython() {
  const home = resolve(process.env.LORA_HARNESS_HOME || join(homedir(), '.cache', 'lora-harness'))
  const venv = join(home, 'venvs', 'bench-peft-1')
  const python = at => (process.platform === 'win32' ? join(at, 'Scripts', 'python.exe') : join(at, 'bin', 'python'))
  if (existsSync(venv)) return python(venv)
  say('Making a venv with PyTorch and PEFT (once, a few minutes) …')
  const making = `${venv}.new`
  rmSync(making, { recursive: true, force: true })
  mkdirSync(dirname(venv), { recursive: true })
  for (const [command, ...args] of [
    [process.platform === 'win32' ? 'python' : 'python3', '-m', 'venv', making],
    [python(making), '-m', 'pip', 'install', '--quiet', ...PACKAGES],
  ])
    if ((await run(command, args)) !== 0)
      throw new Missing(
        `${command} ${args.join(' ')} failed (see above); it needs Python 3.10 or newer and a package index.`,
      )
  renameSync(making, venv)
  return python(venv)
}
