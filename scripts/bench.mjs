/** `npm run bench`: sets up what is missing, then measures. Arguments go to the benchmark. */
import { peftPython } from './peft-python.mjs'
import { embeddedModel, main, run, say, setUp } from './setup.mjs'

await main(async () => {
  await setUp()
  const record = process.argv.includes('--record')
  if (!record) await embeddedModel()
  const env = process.argv.includes('--peft') ? { PEFT_PYTHON: await peftPython() } : {}
  say('')
  return run(
    process.execPath,
    [
      '--import',
      './scripts/typescript.mjs',
      `test/bench/${record ? 'record' : 'bench'}.ts`,
      ...process.argv.slice(2).filter(arg => arg !== '--record'),
    ],
    { env },
  )
})
