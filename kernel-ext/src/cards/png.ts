/** The rasteriser can be started once in a process, so there is one place for it. */
export { png } from 'lora-harness'
