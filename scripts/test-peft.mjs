/**
 * `npm run test:peft`: adapters of this project in PEFT and PEFT's here, and 50 training steps on both sides, on the
 * tiny decoders and on the embedded model. Arguments go to vitest.
 */
import { peftPython } from './peft-python.mjs'
import { embeddedModel, main, setUp, vitest } from './setup.mjs'

await main(async () => {
  await setUp()
  await embeddedModel()
  return vitest(['--project=peft'], { PEFT_PYTHON: await peftPython() })
})
