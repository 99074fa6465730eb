import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

/** The holder of a lock touches its file this often [ms] … */
const BEAT = 2_000
/** … and one that was not touched for this long [ms] belongs to nobody. */
const STALE = 30_000
/** How often somebody who waits looks again [ms]. */
const LOOK = 100

/**
 * Runs `body` while holding a lock file. A lock whose process died is free at once on the same machine, after half a
 * minute on another one that shares the folder.
 *
 * The lock spares work, it does not guard data: should two processes take over a dead lock in the same instant, both
 * run `body`. So `body` must be safe to run twice, as making a folder and renaming it is.
 */
export async function withLock<T>(path: string, log: (line: string) => void, body: () => Promise<T>): Promise<T> {
  await acquire(path, log)
  const beat = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), BEAT)
  try {
    return await body()
  } finally {
    clearInterval(beat)
    await rm(path, { force: true })
  }
}

async function acquire(path: string, log: (line: string) => void): Promise<void> {
  for (let waited = false; ; waited = true) {
    try {
      const file = await open(path, 'wx')
      await file.writeFile(JSON.stringify({ pid: process.pid, host: hostname() }))
      return await file.close()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (await abandoned(path)) await takeAway(path)
    else {
      if (!waited) log(`waiting for another process that holds ${path}`)
      await pause(LOOK)
    }
  }
}

/** Renaming first lets only one of several waiting processes remove the dead lock. */
async function takeAway(path: string): Promise<void> {
  const away = `${path}.${process.pid}`
  await rename(path, away).catch(() => {})
  await rm(away, { force: true })
}

async function abandoned(path: string): Promise<boolean> {
  const [text, found] = await Promise.all([readFile(path, 'utf8'), stat(path)]).catch(() => ['', undefined] as const)
  if (!found) return false
  if (Date.now() - found.mtimeMs > STALE) return true
  const owner = /^\{"pid":(\d+),"host":(".*")\}$/.exec(text)
  return owner !== null && JSON.parse(owner[2]!) === hostname() && !alive(Number(owner[1]))
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Without the right to signal it (EPERM) it is there all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
