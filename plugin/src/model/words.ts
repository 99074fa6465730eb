/** What of JupyterLab's translations the model needs: see `TranslationBundle`. */
export interface Words {
  __(text: string, ...values: unknown[]): string
  _n(one: string, many: string, n: number, ...values: unknown[]): string
}

/** A time that something takes, in words: `40 s`, `12 min`, `1 h 22`. @param ms not negative */
export function durationOf(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')}`
}

/** Seconds with as many digits as matter: `0.31`, `3.1`, `31`. */
export const secondsOf = (ms: number): string => (ms / 1000).toFixed(ms < 1000 ? 2 : ms < 10_000 ? 1 : 0)
