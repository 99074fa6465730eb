import type { CommandId } from './commands.js'

/**
 * Keys of each command, as `KeyboardEvent.key` names them, with `Shift+` where the key itself does not tell, and a space
 * between two that are pressed one after the other. One table for the handling, the key sheet and JupyterLab's shortcuts.
 */
export const KEYS: Record<CommandId, readonly string[]> = {
  previous: ['ArrowLeft', 'k'],
  next: ['ArrowRight', 'j'],
  'previous-notable': ['Shift+ArrowLeft'],
  'next-notable': ['Shift+ArrowRight'],
  first: ['Home', 'g g'],
  last: ['End', 'G'],
  'previous-mark': ['['],
  'next-mark': [']'],
  'previous-lane': ['h'],
  'next-lane': ['l'],
  'toggle-updated': ['1'],
  'toggle-unchanged': ['2'],
  'toggle-skipped': ['3'],
  'toggle-failed': ['4'],
  filter: ['/'],
  different: ['x'],
  'zoom-in': ['+', '='],
  'zoom-out': ['-'],
  'zoom-all': ['0'],
  open: ['Enter'],
  back: ['Escape'],
  pause: [' '],
  step: ['.'],
  stop: [],
  rewind: ['r'],
  fork: ['f'],
  retrain: [],
  follow: ['L'],
  baseline: ['b'],
  compare: ['c'],
  'word-diff': ['d'],
  link: ['y'],
  report: [],
  keys: ['?'],
}

/** Groups of the key sheet. */
export const SHEET: readonly (readonly CommandId[])[] = [
  ['previous', 'next', 'previous-notable', 'next-notable', 'first', 'last'],
  ['previous-mark', 'next-mark', 'previous-lane', 'next-lane', 'zoom-in', 'zoom-out', 'zoom-all'],
  ['pause', 'step', 'rewind', 'fork', 'follow'],
  ['filter', 'different', 'toggle-updated', 'toggle-unchanged', 'toggle-skipped', 'toggle-failed'],
  ['open', 'back', 'baseline', 'compare', 'word-diff', 'link', 'keys'],
]

const NAMES: Record<string, string> = { ArrowLeft: '←', ArrowRight: '→', ' ': 'Space', Escape: 'Esc', '-': '−' }

/** A key as people read it: `Shift+←`, `g g`, `L`. */
export const shownKey = (key: string): string =>
  key
    .split(/(?<=.)\+/)
    .map(part => NAMES[part] ?? (/^[a-z]$/.test(part) ? part : part))
    .join('+')

type Pressed = Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey'>

/** A press as the table names it; null for one that is another program's. */
export function nameOf({ key, shiftKey, ctrlKey, altKey, metaKey }: Pressed): string | null {
  if (ctrlKey || metaKey || altKey) return null
  return shiftKey && key.length > 1 ? `Shift+${key}` : key
}

const COMMANDS = new Map(Object.entries(KEYS).flatMap(([id, keys]) => keys.map(key => [key, id as CommandId])))
const BEGINS = new Set([...COMMANDS.keys()].filter(key => /^. .$/.test(key)).map(key => key[0]!))

/** Finds the command of a press. @param before the key pressed just before, where it began a pair */
export function commandOf(
  pressed: Pressed,
  before: string | null,
): { command: CommandId | null; begun: string | null } {
  const name = nameOf(pressed)
  if (name === null) return { command: null, begun: null }
  const pair = before === null ? undefined : COMMANDS.get(`${before} ${name}`)
  // Letters mean the same with Caps Lock, unless the capital has a meaning of its own.
  const command = pair ?? COMMANDS.get(name) ?? COMMANDS.get(/^[A-Z]$/.test(name) ? name.toLowerCase() : name)
  return { command: command ?? null, begun: command === undefined && BEGINS.has(name) ? name : null }
}

const LAB: Record<string, string> = { ' ': 'Space', '?': 'Shift /', '+': 'Shift =' }

/** A key of the table as JupyterLab's shortcuts spell it. */
export const labKeys = (key: string): string[] =>
  (/^. .$/.test(key) ? key.split(' ') : [key]).map(
    part =>
      LAB[part] ??
      (/^[a-z]$/.test(part) ? part.toUpperCase() : /^[A-Z]$/.test(part) ? `Shift ${part}` : part.replace('+', ' ')),
  )
