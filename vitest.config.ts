import { defineConfig } from 'vitest/config'

/** What a tier needs is in its name: unit (no ONNX Runtime), ort (tiny fixtures), ui (a browser), notebook (Jupyter), model (SmolLM2). */
const tier = (name: string, include: string[], timeout: number, exclude: string[] = [], more = {}) => ({
  extends: true as const,
  test: { name, include, exclude, testTimeout: timeout, hookTimeout: timeout, ...more },
})

export default defineConfig({
  resolve: {
    alias: [
      { find: /^#platform$/, replacement: new URL('src/engine/node.ts', import.meta.url).pathname },
      { find: /^lora-harness$/, replacement: new URL('src/index.ts', import.meta.url).pathname },
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
    projects: [
      tier('unit', ['{test,plugin}/**/*.test.ts'], 30_000, [
        '**/*.{ort,ui,notebook,model,peft}.test.ts',
        '**/node_modules/**',
      ]),
      tier('ui', ['{test,plugin}/**/*.ui.test.ts'], 300_000),
      // Needs Jupyter's clients: `npm run test:notebook` says where they are. It runs what was built.
      ...(process.env.NOTEBOOK_PYTHON ? [tier('notebook', ['test/**/*.notebook.test.ts'], 120_000)] : []),
      tier('ort', ['test/**/*.ort.test.ts'], 120_000),
      tier('model', ['test/**/*.model.test.ts'], 600_000, [], {
        // Alone and one file at a time: each model takes every core and a few gigabytes.
        maxWorkers: 1,
        sequence: { groupOrder: 1 },
      }),
      // Needs PyTorch: `npm run test:peft` says where it is.
      ...(process.env.PEFT_PYTHON ? [tier('peft', ['test/**/*.peft.test.ts'], 1_200_000)] : []),
    ],
  },
})
