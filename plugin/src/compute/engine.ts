import type * as Browser from 'lora-harness/browser'

/** What a host uses of `lora-harness/browser`. */
export type Engine = Pick<
  typeof Browser,
  'exportAdapter' | 'importAdapter' | 'LoRAHandle' | 'LoRAModel' | 'provideModel' | 'Skip'
>

let loaded: Promise<Engine> | undefined

/**
 * The engine, in a worker of its own. Loaded when it is first asked for: nobody who only looks at runs fetches it.
 *
 * @param folder address of the folder with `browser.js`, `worker.js` and the runtime's .wasm file
 */
export function loadEngine(folder: string): Promise<Engine> {
  loaded ??= load(folder).then(async engine => {
    await engine.useWorker(new Worker(new URL('worker.js', folder), { type: 'module' }), { wasmFolder: folder })
    return engine
  })
  loaded.catch(() => {
    loaded = undefined // It may be tried again.
  })
  return loaded
}

/** By its address: the engine is no part of JupyterLab's bundle, which could not tell where it lies. */
const load = (folder: string): Promise<typeof Browser> =>
  import(/* webpackIgnore: true */ new URL('browser.js', folder).href)
