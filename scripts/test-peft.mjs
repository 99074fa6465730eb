/**
 * `npm run test:peft`: adapters of this project in PEFT and PEFT's here, and 50 training steps on both sides, on the
 * tiny decoders and on the embedded model. Arguments go to vitest.
 */
import { peftPython } from './peft-python.mjs'
import { embeddedModel, main, run, setUp } from './setup.mjs'

await main(async () => {
  await setUp()
  await embeddedModel()
  const env = { PEFT_PYTHON: await peftPython() }
  return run(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--project', 'peft', ...process.argv.slice(2)],
    { env },
  )
})
