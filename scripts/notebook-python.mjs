/** Python with Jupyter's clients, which the `notebook` tests run kernels with. */
import { venv } from './venv.mjs'

const PACKAGES = [
  'jupyter_client==8.10.0',
  'jupyter_kernel_test==0.7.0',
  'nbclient==0.11.0',
  'nbconvert==7.17.2',
  'nbformat==5.11.1',
]

/** @returns path of its interpreter @throws Missing */
export const notebookPython = () => venv('notebook-1', 'Tests of notebooks (half a minute or so)', PACKAGES)
