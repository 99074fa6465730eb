/** Telling Jupyter of the kernel: a folder with a kernel.json among its data. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where: among the data of the user, of a Python installation, or under any folder that Jupyter looks in. */
export type Where = { user: true } | { sysPrefix: true } | { prefix: string }

/** The kernel could not be put where it was to be, or taken from there. */
export class InstallError extends Error {
  override readonly name = 'InstallError'
}

/** Name of the kernel, and of its folder. */
export const KERNEL = 'lora-harness'

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))

const spec = () => ({
  argv: [
    process.execPath,
    // `require` of ES modules works; that it is young needs no saying in cells.
    '--disable-warning=ExperimentalWarning',
    join(PACKAGE, 'dist', 'kernel', 'main.js'),
    '{connection_file}',
  ],
  display_name: 'TypeScript (LoRA Harness)',
  language: 'typescript',
  interrupt_mode: process.platform === 'win32' ? 'message' : 'signal',
  metadata: { debugger: false },
})

/** Jupyter's folder for a user's data: https://docs.jupyter.org/en/stable/use/jupyter-directories.html. */
function userData(): string {
  const { JUPYTER_DATA_DIR, XDG_DATA_HOME, APPDATA } = process.env
  if (JUPYTER_DATA_DIR) return JUPYTER_DATA_DIR
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Jupyter')
  if (process.platform === 'win32') return join(APPDATA || join(homedir(), '.jupyter'), 'jupyter')
  return join(XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'jupyter')
}

/** `sys.prefix` of the Python on the path. @throws InstallError there is none */
function pythonPrefix(): string {
  const python = process.platform === 'win32' ? 'python' : 'python3'
  const { stdout, status } = spawnSync(python, ['-c', 'import sys; print(sys.prefix)'], { encoding: 'utf8' })
  if (status !== 0)
    throw new InstallError(
      `--sys-prefix asks ${python} for its folder, and ${python} did not answer. Put the Python that has Jupyter on the ` +
        'path (activate its environment), or name its folder with --prefix.',
    )
  return stdout.trim()
}

/** The kernel's folder. @throws InstallError `--sys-prefix` without a Python */
export function kernelFolder(where: Where): string {
  const data =
    'user' in where ? userData() : join('prefix' in where ? resolve(where.prefix) : pythonPrefix(), 'share', 'jupyter')
  return join(data, 'kernels', KERNEL)
}

/** Does something to files of Jupyter's, and says which folder if that fails. */
function changing<T>(what: string, folder: string, change: () => T): T {
  try {
    return change()
  } catch (error) {
    throw new InstallError(`${what} the kernel in ${folder}: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Writes the kernel's folder, or writes it anew.
 *
 * @returns the folder
 * @throws InstallError the folder cannot be written; `--sys-prefix` without a Python
 */
export function install(where: Where): string {
  const folder = kernelFolder(where)
  return changing('Installing', folder, () => {
    mkdirSync(folder, { recursive: true })
    copyFileSync(join(PACKAGE, 'resources', 'logo-svg.svg'), join(folder, 'logo-svg.svg'))
    const file = join(folder, 'kernel.json')
    writeFileSync(`${file}.new`, `${JSON.stringify(spec(), null, 2)}\n`)
    renameSync(`${file}.new`, file)
    return folder
  })
}

/**
 * Removes the kernel's folder.
 *
 * @returns the folder; undefined if there was none
 * @throws InstallError what is there is no kernel of ours, or cannot be removed; `--sys-prefix` without a Python
 */
export function uninstall(where: Where): string | undefined {
  const folder = kernelFolder(where)
  if (!existsSync(folder)) return undefined
  return changing('Removing', folder, () => {
    const { argv = [] } = JSON.parse(readFileSync(join(folder, 'kernel.json'), 'utf8')) as { argv?: string[] }
    if (!argv.some(arg => /[\\/]dist[\\/]kernel[\\/]main\.js$/.test(arg)))
      throw new InstallError('its kernel.json starts something else than LoRA Harness')
    rmSync(folder, { recursive: true })
    return folder
  })
}
