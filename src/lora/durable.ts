import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The calls by which a run's files come to be; tests replace them to fill the disk or to tear a write. */
export const disk = { openSync, writeSync, fsyncSync, closeSync, mkdirSync, renameSync, rmSync }

/** Writes a new file and waits until it is on the disk. @throws Error of the file system; also if the file is there already */
export function writeDurably(path: string, bytes: Uint8Array): void {
  const fd = disk.openSync(path, 'wx')
  try {
    for (let at = 0; at < bytes.length; ) at += disk.writeSync(fd, bytes, at)
    disk.fsyncSync(fd)
  } finally {
    disk.closeSync(fd)
  }
}

/** Waits until the disk knows which names a folder has. Windows cannot wait, nor needs to. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const fd = disk.openSync(folder, 'r')
  try {
    disk.fsyncSync(fd)
  } finally {
    disk.closeSync(fd)
  }
}

/** Makes a folder, and those above it, if it is not there. @throws Error of the file system */
export function makeFolder(folder: string): void {
  const first = disk.mkdirSync(folder, { recursive: true })
  for (let made = folder; first !== undefined; made = dirname(made)) {
    syncFolder(dirname(made))
    if (made === first) return
  }
}

/** Gives a file or folder its name, and waits until the disk knows it by that. */
export function renameDurably(from: string, to: string): void {
  disk.renameSync(from, to)
  syncFolder(dirname(to))
}

/** Writes a file whole or not at all; one that is there is replaced. @throws Error of the file system */
export function replaceDurably(path: string, content: string | Uint8Array): void {
  const temporary = temporaryFor(path)
  try {
    writeDurably(temporary, typeof content === 'string' ? new TextEncoder().encode(content) : content)
    renameDurably(temporary, path)
  } catch (cause) {
    disk.rmSync(temporary, { force: true })
    throw cause
  }
}

/**
 * Fills a folder that is there whole or not at all. Nothing half made is left but by a killed process: then a folder
 * whose name begins with a dot.
 *
 * @throws Error of the file system, or of `fill`
 */
export function makeDurably(folder: string, fill: (folder: string) => void): void {
  const temporary = temporaryFor(folder)
  try {
    makeFolder(dirname(folder))
    disk.mkdirSync(temporary)
    fill(temporary)
    syncFolder(temporary)
    renameDurably(temporary, folder)
  } catch (cause) {
    disk.rmSync(temporary, { recursive: true, force: true })
    throw cause
  }
}

/** A name of its own beside a path, hidden by its dot. */
const temporaryFor = (path: string): string => join(dirname(path), `.${process.pid}-${crypto.randomUUID().slice(0, 8)}`)
