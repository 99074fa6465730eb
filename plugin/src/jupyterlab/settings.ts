import type { ISettingRegistry } from '@jupyterlab/settingregistry'
import type { ViewState } from '../model/view.js'

/** Where a panel is opened. */
export type OpenIn = 'beside' | 'tab' | 'sidebar'

/** What a person set in JupyterLab's settings: see schema/plugin.json. */
export interface Settings {
  window: number
  follow: boolean
  showBaseline: boolean
  openIn: OpenIn
}

const FIRST: Settings = { window: 50, follow: true, showBaseline: true, openIn: 'beside' }

/** Settings as they are whenever they are asked for. */
export async function settingsOf(registry: ISettingRegistry | null, id: string): Promise<() => Settings> {
  const settings = await registry?.load(id).catch(() => undefined) // Without its schema the first ones hold.
  return () => ({ ...FIRST, ...(settings?.composite as Partial<Settings> | undefined) })
}

/** How a panel begins. */
export const firstView = ({ window, follow, showBaseline }: Settings): Partial<ViewState> => ({
  ...{ window, follow, showBaseline },
})
