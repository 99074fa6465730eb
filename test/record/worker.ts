/** A process that writes or reads the run in the folder given, as it is told to on its standard input, a line a deed. */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { messageOf } from '../../src/errors.js'
import { openRun, readRun } from '../../src/record/open.js'
import { numbered, toy } from '../harness/toy.js'

const [deed, folder] = process.argv.slice(2) as [string, string]
const say = (line: string) => writeSync(1, `${line}\n`)
const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

if (deed === 'write') {
  const run = await openRun(folder, { exampleSource: numbered(1000), ...toy })
  say('open')
  for await (const order of orders) {
    if (order === 'close') break
    say(`step ${(await run.step())!.index}`)
  }
  run.recorder.close()
} else {
  // Reads until there are as many steps as it was asked for; each time they must be a beginning of the run.
  const wanted = Number(deed)
  try {
    for (let seen = 0; seen < wanted; ) {
      const record = readRun(folder)
      const steps = record.steps().map(({ index }) => index)
      record.close()
      if (steps.length < seen || steps.some((index, i) => index !== i)) throw new Error(`read ${steps} after ${seen}`)
      seen = steps.length
      await new Promise(setImmediate)
    }
    say('done')
  } catch (error) {
    say(messageOf(error))
  }
}
process.exit()
