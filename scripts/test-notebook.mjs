/** `npm run test:notebook`: the tests of the notebook kernel. Arguments go to vitest. */
import { notebookPython } from './notebook-python.mjs'
import { main, run, setUp } from './setup.mjs'

await main(async () => {
  await setUp()
  const env = { NOTEBOOK_PYTHON: await notebookPython() }
  return run(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--project', 'notebook', ...process.argv.slice(2)],
    { env },
  )
})
