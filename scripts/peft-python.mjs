/** Python with PyTorch and PEFT. */
import { venv } from './venv.mjs'

const PACKAGES = ['torch==2.13.0', 'peft==0.21.2', 'transformers==5.23.0', 'numpy']

/** @returns path of its interpreter @throws Missing */
export const peftPython = () => venv('bench-peft-1', 'PyTorch and PEFT (a few minutes)', PACKAGES)
