import type { ModelDType } from './dtypes.js'

/** A model that this process has loaded. */
export interface LoadedModel {
  /** Hub id, or name of its folder. */
  id: string
  dtype: ModelDType
  device: string
  deviceReason: string
  /** Folder of its files; where there are no folders, the address it came from. */
  place: string
}

const all: LoadedModel[] = []

/** Says that a model was loaded. */
export const noteLoaded = (model: LoadedModel): void => void all.push(model)

/** Every model that was loaded so far, in order: what a run's answers may depend on. */
export const loadedModels = (): readonly LoadedModel[] => all
