import { collectGarbage, type Keep } from '../record/gc.js'
import { plural } from '../report/words.js'
import { EXIT, type ExitCode } from './exit.js'
import { plain, size } from './text.js'

export interface GcOptions {
  keep: Keep
  delete?: boolean
}

/** Folders that are shown of a run. */
const SHOWN = 50

/** `lora-harness gc`: says which adapters of runs could go, or removes them. */
export function gc(folders: readonly string[], { keep, delete: remove = false }: GcOptions): ExitCode {
  let freed = 0
  for (const folder of folders) {
    const { removable, kept } = collectGarbage(folder, { keep, remove })
    const bytes = removable.reduce((sum, each) => sum + each.bytes, 0)
    freed += bytes
    const does = remove ? 'removed' : 'could go'
    console.log(
      `${plain(folder)}: ${plural(removable.length, 'folder')} ${does} (${size(bytes)}), ` +
        `${plural(kept.adapters, 'adapter')} ${kept.adapters === 1 ? 'stays' : 'stay'} (${size(kept.bytes)})`,
    )
    for (const each of removable.slice(0, SHOWN))
      console.log(`  adapters/${plain(each.folder, 14)}  ${size(each.bytes).padStart(8)}  ${plain(each.why, 160)}`)
    if (removable.length > SHOWN) console.log(`  and ${removable.length - SHOWN} more`)
  }
  if (!remove && freed > 0) console.log('Nothing was removed: --delete does it.')
  return EXIT.finished
}
