/** The engine as a page loads it, bundled by itself with the worker beside it: see `bundle` of the plugin's build. */
export * from 'lora-harness/browser'
