/** `npm run notebooks [-- --write] [NAME…]`: runs the notebooks, one at a time; `--write` stores what they show. */
import { notebookPython } from './notebook-python.mjs'
import { embeddedModel, main, run, setUp } from './setup.mjs'

await main(async () => {
  await setUp()
  await embeddedModel()
  const env = { NOTEBOOK_PYTHON: await notebookPython() }
  const args = ['--import', './scripts/typescript.mjs', 'test/notebooks/write.ts', ...process.argv.slice(2)]
  return run(process.execPath, args, { env })
})
