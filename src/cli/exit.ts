/** Exit codes of every verb; the README and `--help` list them. */
export const EXIT = {
  /** The verb did what it was asked; a run that the key q stopped did too. */
  finished: 0,
  /** A run failed on the way (what it had recorded stays), doctor found a needed part missing, or verify found damage. */
  failed: 1,
  /** Bad input: usage, an experiment that does not load or type-check, a data set that cannot be read. */
  badInput: 2,
  /** Ctrl-C (what was recorded stays). */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** The codes as lines of help. */
export const exitHelp = `
Exit codes:
  0    finished, or stopped with the key q
  1    the run failed (what was recorded stays), doctor found a needed part missing, or verify found damage
  2    bad input: usage, an experiment that does not load or type-check, or a run that is not as it was
  130  interrupted with Ctrl-C (what was recorded stays)`
