/** `npm run notebooks [-- --write] [NAME…]`: runs the notebooks; with `--write` stores what they show. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { execute, FOLDER, keyOf, NAMES, type Notebook, problemsOf, read } from './notebook.js'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: 'boolean' } } })

for (const name of NAMES.filter(name => positionals.length === 0 || positionals.some(part => name.includes(part)))) {
  const text = await execute(name, process.env.NOTEBOOK_PYTHON!)
  const notebook = JSON.parse(text) as Notebook
  const problems = problemsOf(notebook)
  if (!values.write && !isDeepStrictEqual(keyOf(notebook), keyOf(read(name))))
    problems.push('its results are not those that are stored; --write stores these')
  if (values.write && problems.length === 0) writeFileSync(join(FOLDER, name), `${text.trimEnd()}\n`)
  console.log(`${name}: ${problems.length === 0 ? (values.write ? 'stored' : 'fine') : `\n  ${problems.join('\n  ')}`}`)
  if (problems.length > 0) process.exitCode = 1
}
