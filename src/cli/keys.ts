import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { ReadStream } from 'node:tty'
import type { LoRAHarness } from '../harness/index.js'

/** What the keys do now, for one line of the display. */
export const KEYS = {
  running: 'p pause · s step · q stop after this example · ? help',
  pausing: 'pausing after this example · p go on · q stop',
  paused: 'paused · p go on · s run one example · q stop · ? help',
  stepping: 'running one example · p go on · q stop',
  stopping: 'stopping after this example',
} as const

/** The keys as lines of help. */
export const keyHelp = `
Keys, where stdin is a terminal:
  p       pause after the current example; go on
  s       run one example, then pause; while running: pause after the current example
  q       stop after the current example; it is kept, the report is written
  Ctrl-C  stop after the current stage and drop the current example; again: quit at once`

export interface KeyHandlers {
  /** Told what the keys do whenever that changes. */
  keys(text: string): void
  /** A line that stays. */
  note(text: string): void
  /** The run is to end after the current example. */
  quit(): void
}

/** What each key does to a run: pause, steps, stop. Returns what to call with each key. */
export function keysOf(harness: LoRAHarness, { keys, note, quit }: KeyHandlers): (key: string) => void {
  let now: keyof typeof KEYS = 'running'
  const become = (next: keyof typeof KEYS) => {
    now = next
    keys(KEYS[now])
  }
  /** Paused once no example is being worked on, unless another key was pressed meanwhile. */
  const settle = async (from: 'pausing' | 'stepping', work: Promise<unknown>) => {
    become(from)
    await work.catch(() => {}) // Whatever stops a step stops the run, which reports it.
    if (now === from) become('paused')
  }
  const goOn = () => {
    become('running')
    harness.resume()
  }
  become('running')
  return key => {
    if (key === '?') note(keyHelp.trim())
    else if (now === 'stopping') return
    else if (key === 'q') {
      const idle = now === 'paused'
      become('stopping')
      quit()
      if (idle) harness.stop()
    } else if (key === 'p') {
      if (now === 'running') settle('pausing', harness.pause())
      else goOn()
    } else if (key === 's') {
      if (now === 'running') settle('pausing', harness.pause())
      else if (now === 'paused') settle('stepping', harness.step())
    }
  }
}

/**
 * Reads single keys of a terminal. Ctrl-C and Ctrl-Z keep their meaning; in the background, where reading would stop
 * the process, nothing is read.
 *
 * @returns ends it: the terminal is as it was before
 */
export function readKeys(input: ReadStream, press: (key: string) => void): () => void {
  const attach = () => {
    if (!inForeground()) return
    input.setRawMode(false).setRawMode(true) // A shell that had stopped us may have set it otherwise.
    input.on('data', read).resume()
  }
  const detach = () => {
    input.off('data', read).pause()
    input.setRawMode(false)
  }
  const read = (data: Buffer) => {
    const text = data.toString('utf8')
    if (text.startsWith('\x1b')) return // Arrows and function keys.
    for (const key of text) {
      if (key === '\x03') signalGroup('SIGINT')
      else if (key === '\x1a') {
        detach()
        signalGroup('SIGTSTP')
      } else press(key)
    }
  }
  process.on('SIGCONT', attach)
  attach()
  return () => {
    process.off('SIGCONT', attach)
    detach()
  }
}

/** As the terminal does it by itself while it is not read key by key: to every process of the job. */
function signalGroup(signal: 'SIGINT' | 'SIGTSTP'): void {
  if (process.platform === 'win32') process.emit(signal)
  else process.kill(0, signal)
}

/** Does this process's job own the terminal? */
function inForeground(): boolean {
  if (process.platform === 'win32') return true
  if (process.platform === 'linux') {
    // After the name in parentheses: state, parent, group, session, terminal, the terminal's foreground group.
    const [, , group, , , owner] = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return group === owner
  }
  return spawnSync('ps', ['-o', 'stat=', '-p', String(process.pid)], { encoding: 'utf8' }).stdout.includes('+')
}
