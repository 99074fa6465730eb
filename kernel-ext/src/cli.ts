/** `lora-harness-kernel install | uninstall`: exit code 1 if it fails, 2 for bad usage. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { InstallError, install, uninstall, type Where } from './install.js'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

interface Options {
  user?: boolean
  sysPrefix?: boolean
  prefix?: string
}

const whereOf = ({ sysPrefix, prefix }: Options): Where =>
  prefix !== undefined ? { prefix } : sysPrefix ? { sysPrefix: true } : { user: true }

const program = new Command('lora-harness-kernel')
  .description('The Jupyter kernel "TypeScript (LoRA Harness)"')
  .version(version)
  .exitOverride()

const verb = (name: string, description: string, action: (where: Where) => void) =>
  program
    .command(name)
    .description(description)
    .addOption(new Option('--user', 'for this user (the default)').conflicts(['sysPrefix', 'prefix']))
    .addOption(
      new Option('--sys-prefix', 'for the Python on the path, a virtual environment for one').conflicts('prefix'),
    )
    .option('--prefix <folder>', 'under FOLDER/share/jupyter')
    .allowExcessArguments(false)
    .action((options: Options) => action(whereOf(options)))

verb('install', 'tell Jupyter of the kernel', where =>
  console.log(`Installed in ${install(where)}: choose "TypeScript (LoRA Harness)" in Jupyter.`),
)
verb('uninstall', 'take that back', where => {
  const folder = uninstall(where)
  console.log(folder === undefined ? 'It was not installed there.' : `Removed ${folder}.`)
})

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else if (error instanceof InstallError) {
    console.error(error.message)
    process.exitCode = 1
  } else throw error
}
