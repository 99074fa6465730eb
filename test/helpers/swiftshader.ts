import { existsSync } from 'node:fs'

/** Vulkan on the CPU, which comes with Chromium. */
const DRIVERS = ['/usr/lib/chromium/vk_swiftshader_icd.json', '/opt/google/chrome/vk_swiftshader_icd.json']

/** The driver that WebGPU in Node runs on in the tests, if there is one: right numbers, no speed. */
export const SWIFTSHADER = DRIVERS.find(path => existsSync(path))

/** Has this process see that driver alone. To be called before anything asks for WebGPU. */
export function useSwiftShader(): void {
  if (SWIFTSHADER) process.env.VK_ICD_FILENAMES = SWIFTSHADER
  // Its library asks for it, and says so if it is not there.
  process.env.XDG_RUNTIME_DIR ??= '/tmp'
}
