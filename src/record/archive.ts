import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { ZipFile } from 'yazl'
import { ARCHIVED } from '../protocol/index.js'
import { Database } from './database.js'
import { requireRun } from './open.js'
import { writePanelFiles } from './panel-files.js'
import { ADAPTERS, isAdapterFolder, RUN_DB, SqliteRecord } from './sqlite.js'

/** Files beside the database, where they are there. */
const BESIDE = ['run.json', 'steps.jsonl', 'report.html']

/**
 * A whole run as a zip file, in one folder: unpacked, it is a run again. It is as the run was at one moment, whoever
 * writes it meanwhile: a copy of the database, then the adapters that the copy names.
 *
 * @param write is given the bytes; what it needed is removed when it is done
 * @returns `missing`: adapters that the record has, but that are not there; `unshown`: why the plugin of JupyterLab cannot
 * show it, null if it can
 * @throws InputError if there is no run; HarnessError if it cannot be read
 */
export async function zipRun(
  folder: string,
  write: (zip: Readable) => Promise<void>,
): Promise<{ missing: string[]; unshown: string | null }> {
  const path = resolve(folder)
  const file = requireRun(path)
  const home = mkdtempSync(join(tmpdir(), 'lora-harness-zip-'))
  try {
    const copy = join(home, RUN_DB)
    const source = Database.read(file)
    try {
      source.copyTo(copy)
    } finally {
      source.close()
    }
    const zip = new ZipFile()
    const stream = zip.outputStream as Readable
    zip.on('error', error => stream.destroy(error as Error))
    const top = basename(path).replace(/[^\w.-]+/g, '-')
    for (const name of BESIDE)
      if (existsSync(join(path, name))) zip.addBuffer(readFileSync(join(path, name)), `${top}/${name}`)
    zip.addFile(copy, `${top}/${RUN_DB}`)
    const panel = { run: join(home, 'run.json'), steps: join(home, 'steps.jsonl') }
    const { folders, missing, unshown } = read(copy, path, panel)
    if (unshown === null)
      for (const part of ['run', 'steps'] as const) zip.addFile(panel[part], `${top}/${ARCHIVED[part]}`)
    for (const name of folders)
      for (const entry of readdirSync(join(path, ADAPTERS, name), { withFileTypes: true })) {
        // Weights do not compress.
        const compress = !entry.name.endsWith('.safetensors')
        const inner = `${ADAPTERS}/${name}/${entry.name}`
        if (entry.isFile() && !entry.name.startsWith('.'))
          zip.addFile(join(path, inner), `${top}/${inner}`, { compress })
      }
    zip.end()
    await write(stream)
    return { missing, unshown }
  } finally {
    rmSync(home, { recursive: true })
  }
}

/** What is read of a database: folders of the adapters that it names, identifiers of those that are missing. */
function read(
  database: string,
  folder: string,
  panel: { run: string; steps: string },
): { folders: Set<string>; missing: string[]; unshown: string | null } {
  const record = new SqliteRecord(Database.read(database), folder)
  try {
    const there = record.adapters().filter(adapter => adapter.removed === null && adapter.folder !== null)
    const has = (name: string) => isAdapterFolder(name) && existsSync(join(folder, ADAPTERS, name))
    const [found, missing] = [true, false].map(is => there.filter(adapter => has(adapter.folder!) === is))
    return {
      folders: new Set(found!.map(adapter => adapter.folder!)),
      missing: missing!.map(({ identifier }) => identifier),
      unshown: writePanelFiles(record, has, panel),
    }
  } finally {
    record.close()
  }
}
