/** `npm start`: sets up what is missing, then runs the embedded experiment to its end. Arguments go to the run. */
import { embeddedModel, main, run, say, setUp } from './setup.mjs'

await main(async () => {
  await setUp()
  await embeddedModel()
  const args = ['run', 'experiments/embedded.ts', ...process.argv.slice(2)]
  say(`\nlora-harness ${args.join(' ')}\n`)
  const code = await run(process.execPath, ['dist/cli/main.js', ...args])
  if (code === 0) say('\nThe same step by step, in a notebook: npm run lab')
  return code
})
