import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isChanged, shortcuts } from '../src/jupyterlab/shortcuts.js'
import { KEYS, labKeys } from '../src/model/keys.js'

test("JupyterLab's shortcuts are the panel's keys", () => {
  const schema = JSON.parse(readFileSync(new URL('../schema/plugin.json', import.meta.url), 'utf8'))
  expect(schema['jupyter.lab.shortcuts']).toEqual(shortcuts())
})

test('a command has other keys when a person added, took away or replaced one', () => {
  const bindings = shortcuts().map(({ command, keys }) => ({ command, keys }))
  const changed = (all: typeof bindings) => isChanged('next', { keyBindings: all as never })
  expect(labKeys(KEYS.next[0]!)).toEqual(['ArrowRight'])
  expect(changed(bindings)).toBe(false)
  expect(changed([...bindings, { command: 'lora-harness:next', keys: ['N'] }])).toBe(true)
  expect(changed(bindings.filter(({ keys }) => keys[0] !== 'J'))).toBe(true)
  expect(changed([...bindings, { command: 'lora-harness:previous', keys: ['N'] }])).toBe(false)
})
