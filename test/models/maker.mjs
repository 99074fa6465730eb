// Makes the folder given, with one file, after a line on stdin; says when it is in the middle.

import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { register } from 'node:module'
import { join } from 'node:path'

register('ts-node/esm/transpile-only', import.meta.url)
const { makeFolder } = await import('../../src/models/home.ts')

const make = async folder => {
  await writeFile(join(folder, 'half'), 'made by the child')
  process.stdout.write('in the middle\n')
  await once(process.stdin, 'data')
}
await makeFolder(process.argv[2], '1', make, line => process.stderr.write(`${line}\n`))
process.exit(0)
