import type { View, ViewState } from '../model/view.js'

/** Widths of the panel's columns, the same in every panel of this browser. */
const KEY = 'lora-harness:columns'

/** As they were last left; nothing if that is not known. */
export function keptWidths(kept: Pick<Storage, 'getItem'> = localStorage): Partial<ViewState> {
  try {
    const [list, adapter, ...more] = JSON.parse(kept.getItem(KEY) ?? 'null') as unknown[]
    const fits = (share: unknown): share is number => typeof share === 'number' && share >= 0.1 && share <= 0.8
    return more.length === 0 && fits(list) && fits(adapter) && list + adapter <= 0.9 ? { columns: [list, adapter] } : {}
  } catch {
    return {} // Nothing was kept, or something else.
  }
}

/** Keeps them when they change. @returns what ends it */
export function keepWidths(view: View, kept: Pick<Storage, 'setItem'> = localStorage): () => void {
  let { columns } = view.state
  return view.subscribe(() => {
    if (view.state.columns === columns) return
    columns = view.state.columns
    kept.setItem(KEY, JSON.stringify(columns))
  })
}
