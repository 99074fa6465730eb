import { describe, expect, test } from 'vitest'
import { COMMANDS, type CommandId } from '../src/model/commands.js'
import { commandOf, KEYS, labKeys, nameOf, SHEET, shownKey } from '../src/model/keys.js'

const press = (key: string, about: Partial<Record<'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey', boolean>> = {}) => ({
  ...{ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false },
  ...about,
})
const command = (key: string, about = {}, before: string | null = null) => commandOf(press(key, about), before).command

describe('the table of keys', () => {
  test('a key means one thing, each command with a key is on the sheet', () => {
    const all = Object.values(KEYS).flat()
    expect(new Set(all).size).toBe(all.length)
    const withKey = (Object.keys(KEYS) as CommandId[]).filter(id => KEYS[id].length > 0)
    expect(SHEET.flat().toSorted()).toEqual(withKey.toSorted())
    expect(Object.keys(KEYS).toSorted()).toEqual(Object.keys(COMMANDS).toSorted())
  })

  test.each([
    ['ArrowLeft', 'previous'],
    ['j', 'next'],
    ['Home', 'first'],
    ['G', 'last'],
    ['[', 'previous-mark'],
    ['l', 'next-lane'],
    ['L', 'follow'],
    ['4', 'toggle-failed'],
    ['/', 'filter'],
    ['0', 'zoom-all'],
    [' ', 'pause'],
    ['.', 'step'],
    ['R', 'rewind'],
    ['r', 'rewind'],
    ['?', 'keys'],
  ])('%s: %s', (key, id) => {
    expect(command(key)).toBe(id)
  })

  test('shift, pairs, and what is not ours', () => {
    expect(command('ArrowRight', { shiftKey: true })).toBe('next-notable')
    expect(command('?', { shiftKey: true })).toBe('keys')
    expect(commandOf(press('g'), null)).toEqual({ command: null, begun: 'g' })
    expect(command('g', {}, 'g')).toBe('first')
    expect(command('r', { ctrlKey: true })).toBeNull()
    expect(nameOf(press('c', { metaKey: true }))).toBeNull()
    expect(command('q')).toBeNull()
  })

  test('keys are shown to people, and spelled for JupyterLab', () => {
    expect(['Shift+ArrowLeft', ' ', '+', 'g g', '?'].map(shownKey)).toEqual(['Shift+←', 'Space', '+', 'g g', '?'])
    expect(['Shift+ArrowLeft', ' ', '+', 'g g', 'G', 'r', '?', '.'].map(labKeys)).toEqual([
      ...[['Shift ArrowLeft'], ['Space'], ['Shift ='], ['G', 'G'], ['Shift G'], ['R'], ['Shift /'], ['.']],
    ])
  })
})
