import { expect, test, vi } from 'vitest'
import { plainTransport } from '../../kernel-ext/src/plain.js'
import { bundleBy, DISPLAY } from '../../kernel-ext/src/transport.js'

const page = plainTransport()

test('in plain Node, text is printed; of what has none, the types are named', async () => {
  const written: string[] = []
  const write = vi.spyOn(process.stdout, 'write').mockImplementation(((text: string, done: () => void) => {
    written.push(text)
    done()
    return true
  }) as never)
  await page.display({ 'text/plain': 'text', 'text/html': '<b>text</b>' })
  await page.display({ 'image/png': 'AAAA', 'application/json': {} })
  write.mockRestore()
  expect(written).toEqual(['text\n', '[image/png, application/json]\n'])
  await expect(page.display({}, { update: true })).rejects.toThrow('update needs the displayId')
})

// A test's process has no terminal.
test('what needs a page does nothing, and what needs a reader says that there is none', async () => {
  const comm = page.openComm('target')
  await comm.send({ n: 1 })
  await comm.close()
  page.registerCommTarget('target', () => {})()
  expect([page.kernel, page.currentCell(), page.cells()]).toEqual(['none', undefined, []])
  await expect(page.input('Name? ')).rejects.toThrow('input("Name? "): stdin is no terminal')
})

test('the first Ctrl-C calls a handler, unless it was taken off', () => {
  const called = vi.fn()
  // Other files in this process may have left listeners, and some of them end it.
  const others = process.rawListeners('SIGINT')
  page.onInterrupt(called)
  const off = page.onInterrupt(() => called('taken off'))
  off()
  for (const listener of process.rawListeners('SIGINT')) if (!others.includes(listener)) listener('SIGINT')
  expect(called.mock.calls).toEqual([[]])
})

test('a value knows its representations by its method', () => {
  const card = {
    text: 'a',
    [DISPLAY]() {
      return { 'text/plain': this.text }
    },
  }
  expect(bundleBy(card)?.()).toEqual({ 'text/plain': 'a' })
  for (const other of [null, undefined, 1, 'a', {}, { [DISPLAY]: 'no method' }]) expect(bundleBy(other)).toBeUndefined()
})
