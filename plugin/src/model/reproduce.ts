/** A word as a POSIX shell reads it back unchanged. */
const quoted = (word: string): string => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

/**
 * The command that computes one example of a run again and says whether it comes out as recorded: see
 * `lora-harness replay`.
 *
 * @param folder of the record; null if it is kept in memory only
 * @returns null if no command line can name it
 */
export function replayCommand(folder: string | null, branch: string, index: number): string | null {
  // `@` and `#` part folder, branch and index; what a terminal would take as a command of its own is in no folder's name.
  if (folder === null || /[@#\p{Cc}]/u.test(folder) || /[#\p{Cc}]/u.test(branch)) return null
  const ref = `${folder.startsWith('-') ? './' : ''}${folder}@${branch}`
  return `npx lora-harness replay ${quoted(ref)} --from ${index} --limit 1`
}

/**
 * A cell that answers one example of a run again with its adapter as it was, less a module, on a branch of its own: what
 * the answer loses by it tells what the module's change is worth.
 */
export const withoutCell = (index: number, module: string): string =>
  `import { withoutModules } from 'lora-harness'
const modules = [${JSON.stringify(module)}]
const without = await h.fork({
  at: ${index},
  name: ${JSON.stringify(`#${index} without ${module}`)},
  inferenceFn: (example, lora, context) => h.inferenceFn(example, withoutModules(lora, modules), context),
  finetuneFn: () => null,
  baselines: {},
})
await without.step()`

/**
 * A cell that scores a baseline on all examples of a run, in a run of its own on a branch: nothing is trained, and what
 * is recorded stays. `h` is what notebooks call the run.
 */
export const aloneCell = (baseline: string): string =>
  `const alone = await h.fork({
  at: 0,
  name: ${JSON.stringify(`${baseline}-alone`)},
  retrieveLoraFn: () => null,
  inferenceFn: (example, _, view) => h.baselines[${JSON.stringify(baseline)}](example, view),
  finetuneFn: () => null,
  baselines: {},
})
await alone.run()`
