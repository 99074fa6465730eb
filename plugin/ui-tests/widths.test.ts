import { expect, test } from 'vitest'
import { keepWidths, keptWidths } from '../src/jupyterlab/widths.js'
import { View } from '../src/model/view.js'

test('widths of columns are found again; what is not one of them is not', () => {
  const store = new Map<string, string>()
  const kept = {
    getItem: (key: string) => store.get(key) ?? null,
    setItem: (key: string, text: string) => void store.set(key, text),
  }
  expect(keptWidths(kept)).toEqual({})
  const view = new View()
  keepWidths(view, kept)
  view.set({ search: 'x' })
  expect(store.size).toBe(0)
  view.set({ columns: [0.2, 0.4] })
  expect(keptWidths(kept)).toEqual({ columns: [0.2, 0.4] })
  for (const text of [
    '',
    '{',
    '{}',
    '[0.2]',
    '[0.2,"0.4"]',
    '[0.05,0.4]',
    '[0.5,0.5]',
    '[0.2,0.2,0.2]',
    'null',
    '[null,1]',
  ]) {
    store.set('lora-harness:columns', text)
    expect(keptWidths(kept), text).toEqual({})
  }
})
