import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/**
 * What a tier needs is in its name: unit (no ONNX Runtime), ort (tiny fixtures), ui (a browser), notebook (Jupyter), model (SmolLM2).
 *
 * @param timeout of a test [ms]: many times what it takes on an idle machine; only what hangs should meet it
 */
const tier = (name: string, include: string[], timeout: number, more = {}) => ({
  extends: true as const,
  test: { name, include, testTimeout: timeout, hookTimeout: timeout, ...more },
})

/** Two files at a time even on two cores: many tests wait for processes of their own. */
const SIDE_BY_SIDE = { maxWorkers: Math.max(2, availableParallelism() - 1) }
/** After all others, one file at a time: a browser or a model takes every core. */
const ALONE = { maxWorkers: 1, sequence: { groupOrder: 1 } }

export default defineConfig({
  resolve: {
    alias: [
      { find: /^#platform$/, replacement: new URL('src/engine/node.ts', import.meta.url).pathname },
      { find: /^lora-harness$/, replacement: new URL('src/index.ts', import.meta.url).pathname },
      {
        find: /^lora-harness\/adapters\/(arc|baselines|choice|locomo|longmemeval)$/,
        replacement: `${new URL('src/adapters/', import.meta.url).pathname}$1.ts`,
      },
      {
        find: /^lora-harness\/adapters\/memorybench$/,
        replacement: new URL('src/adapters/memorybench/index.ts', import.meta.url).pathname,
      },
      { find: /^lora-harness\/analysis$/, replacement: new URL('src/analysis.ts', import.meta.url).pathname },
      { find: /^lora-harness\/compiler$/, replacement: new URL('src/compiler.ts', import.meta.url).pathname },
      { find: /^lora-harness\/protocol$/, replacement: new URL('src/protocol/index.ts', import.meta.url).pathname },
      { find: /^lora-harness\/report$/, replacement: new URL('src/report/index.ts', import.meta.url).pathname },
    ],
  },
  test: {
    pool: 'forks',
    // A machine at work may keep anything waiting for seconds.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      tier('unit', ['{test,plugin}/**/*.test.ts'], 300_000, {
        exclude: ['**/*.{ort,ui,notebook,model,peft}.test.ts', '**/node_modules/**'],
        // Loading modules anew for every file would take a fifth of the time.
        isolate: false,
        ...SIDE_BY_SIDE,
      }),
      tier('ort', ['test/**/*.ort.test.ts'], 300_000, SIDE_BY_SIDE),
      // Needs Jupyter's clients: `npm run test:notebook` says where they are. It runs what was built.
      ...(process.env.NOTEBOOK_PYTHON ? [tier('notebook', ['test/**/*.notebook.test.ts'], 300_000, SIDE_BY_SIDE)] : []),
      // What a page is to show may take a while on a busy machine.
      tier('ui', ['{test,plugin}/**/*.ui.test.ts'], 600_000, { ...ALONE, expect: { poll: { timeout: 20_000 } } }),
      tier('model', ['test/**/*.model.test.ts'], 1_200_000, ALONE),
      // Needs PyTorch: `npm run test:peft` says where it is.
      ...(process.env.PEFT_PYTHON ? [tier('peft', ['test/**/*.peft.test.ts'], 1_200_000, ALONE)] : []),
    ],
  },
})
