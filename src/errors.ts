/**
 * Every error this project throws on purpose.
 *
 * The message says what was being done, which thing, what was found and what would be right;
 * `cause` keeps the error underneath.
 */
export class HarnessError extends Error {
  override readonly name: string = 'HarnessError'
}

/** Bad input that the caller can put right: an argument, a file, a data set. The command line exits with 2. */
export class InputError extends HarnessError {
  override readonly name = 'InputError'
}

/**
 * Something could not be kept: the disk is full, or may not be written to. A run stops for it, at whatever stage: going
 * on without what was made would be another run.
 */
export class StorageError extends HarnessError {
  override readonly name = 'StorageError'
}

/** The text of anything that was thrown. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/** A name from a file for a message: as it is if it is a plain one, else its start in quotes. */
export const quote = (name: string): string =>
  /^[\w./:-]{1,300}$/.test(name) ? name : JSON.stringify(name.length > 300 ? `${name.slice(0, 300)}…` : name)
