import type { JupyterFrontEnd } from '@jupyterlab/application'
import { PageConfig, URLExt } from '@jupyterlab/coreutils'
import type { INotebookTracker } from '@jupyterlab/notebook'
import type { Kernel } from '@jupyterlab/services'
import type { TranslationBundle } from '@jupyterlab/translation'
import { UUID } from '@lumino/coreutils'
import { Compute } from '../compute/control.js'
import { loadEngine } from '../compute/engine.js'
import { openComputeComm } from '../sources/compute-comm.js'
import { OPEN } from './panels.js'

export const SERVE = 'lora-harness:serve-model'

/** Folder of the worker's script and the runtime's .wasm file, of this page's own origin. */
const folder = (): string =>
  new URL(
    URLExt.join(PageConfig.getOption('fullLabextensionsUrl'), 'lora-harness-jupyterlab', 'static', 'compute', '/'),
    location.href,
  ).href

const known = new WeakMap<Kernel.IKernelConnection, Compute>()

/** What this page does for a kernel. */
export function computeOf(kernel: Kernel.IKernelConnection): Compute {
  const found = known.get(kernel)
  if (found) return found
  const client = UUID.uuid4()
  const made = new Compute(
    (device, told, closed) => openComputeComm(kernel, client, device, told, closed),
    () => loadEngine(folder()),
  )
  known.set(kernel, made)
  kernel.disposed.connect(() => made.stop())
  kernel.statusChanged.connect((_, status) => {
    // Whoever asked for it is gone.
    if (status === 'restarting' || status === 'autorestarting' || status === 'dead') made.stop()
  })
  return made
}

/** The command by which a person has this browser compute for the notebook's kernel. */
export function addServing(app: JupyterFrontEnd, tracker: INotebookTracker, trans: TranslationBundle): void {
  const kernel = () => tracker.currentWidget?.sessionContext.session?.kernel ?? null
  app.commands.addCommand(SERVE, {
    label: trans.__('Run Inference in This Browser (WebGPU)'),
    caption: trans.__('Serve the model that a cell of this notebook asks for with browserModel(…)'),
    isEnabled: () => kernel() !== null,
    async execute(args) {
      const at = kernel()
      if (!at) return
      computeOf(at).start(args.device === 'wasm' ? 'wasm' : 'webgpu')
      await app.commands.execute(OPEN)
    },
  })
}
