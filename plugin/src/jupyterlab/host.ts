import type { ISignal } from '@lumino/signaling'

/** What a card can ask of the JupyterLab around it. */
export interface Host {
  /** Something of `has` may have changed. */
  readonly changed: ISignal<unknown, void>
  /** Whether a kernel of an open notebook has this run. */
  has(id: string, runId: string): boolean
  /** Shows the run in its panel. @param index the example to look at */
  open(id: string, at: { branch: string; index: number } | null): void
}

/** Filled by the plugin; a card may be drawn without it. */
export const place: { host: Host | null } = { host: null }
