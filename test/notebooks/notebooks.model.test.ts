import { describe, expect, test } from 'vitest'
import { execute, keyOf, type Notebook, problemsOf, read, WITH_MODEL } from './notebook.js'

const python = process.env.NOTEBOOK_PYTHON

// Without Python for notebooks `npm test` says so.
describe.skipIf(!python)('run anew', () => {
  test.each(WITH_MODEL)('%s gives what is stored', async name => {
    const notebook = JSON.parse(await execute(name, python!)) as Notebook
    expect(problemsOf(notebook)).toEqual([])
    expect(keyOf(notebook)).toEqual(keyOf(read(name)))
  })
})
