/** `npm run test:notebook`: the tests of the notebook kernel. Arguments go to vitest. */
import { notebookPython } from './notebook-python.mjs'
import { main, setUp, vitest } from './setup.mjs'

await main(async () => {
  await setUp()
  return vitest(['--project=notebook'], { NOTEBOOK_PYTHON: await notebookPython() })
})
