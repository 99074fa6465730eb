/** The process that the kill test kills: runs the program in the folder given, saying what it does as it does it. */
import { writeSync } from 'node:fs'
import { runProgram } from './program.js'

await runProgram(process.argv[2]!, line => writeSync(1, `${line}\n`))
