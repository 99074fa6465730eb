/** Python for tests: with Jupyter's clients, which the `notebook` tests run kernels with; with JupyterLab and Notebook. */
import { venv } from './venv.mjs'

const CLIENTS = [
  'jupyter_client==8.10.0',
  'jupyter_kernel_test==0.7.0',
  'nbclient==0.11.0',
  'nbconvert==7.17.2',
  'nbformat==5.11.1',
]
/** What `npm run lab` installs, and the tests of the plugin run in. */
export const JUPYTERLAB = 'jupyterlab==4.6.6'

/** @returns path of its interpreter @throws Missing */
export const notebookPython = () => venv('notebook-1', 'Tests of notebooks (half a minute or so)', CLIENTS)

/** @returns path of its interpreter @throws Missing */
export const labPython = () => venv('lab-1', 'Tests in JupyterLab (a minute or so)', [JUPYTERLAB, 'notebook==7.6.5'])
