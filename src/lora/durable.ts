import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'

/** Writes a new file and waits until it is on the disk. @throws Error of the file system; also if the file is there already */
export function writeDurably(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'wx')
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
